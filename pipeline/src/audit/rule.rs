//! A rule: what it asks, what it means, how what it finds is repaired.

use cartage_model::Kind;
use datafusion::sql::{
    parser::{DFParserBuilder, Statement as AnyStatement},
    sqlparser::ast::{Query, SetExpr, Statement},
};
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The record is wrong; a target will probably refuse it.
    Error,
    /// The record is doubtful; it can be moved.
    Warning,
    /// Good to know.
    Info,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The text is not TOML with the fields of a rule.
    #[error("the rule cannot be read: {0}")]
    Malformed(String),
    /// A field that must say something is empty, or the id has other letters than `a-z0-9_`.
    #[error("the rule's {0} is empty or malformed")]
    FieldInvalid(&'static str),
    /// The SQL cannot be parsed.
    #[error("the rule's SQL cannot be parsed: {0}")]
    SqlMalformed(String),
    /// The SQL is not one SELECT.
    #[error("the rule's SQL must be one SELECT and nothing else")]
    NotOneSelect,
}

/// A rule of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its stable name: `a-z`, `0-9` and `_`.
    pub id: String,
    /// What it finds, in a few words.
    pub title: String,
    /// How much its findings matter.
    pub severity: Severity,
    /// The kind of record it is about, unless a finding says another in the column `kind`.
    pub kind: Kind,
    /// The canonical field it is about, unless a finding says another in the column `field`.
    pub field: Option<String>,
    /// One SELECT over the canonical tables that yields `source_id`, `evidence` and, where they
    /// differ from row to row, `kind` and `field`.
    pub sql: String,
    /// What a finding means, as sentences.
    pub explanation: String,
    /// How it is usually repaired, as sentences.
    pub repair: String,
}

impl Rule {
    /// Reads a rule from TOML and checks it as far as that is possible without a snapshot.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let rule: Self =
            toml::from_str(text).map_err(|error| RuleError::Malformed(error.to_string()))?;
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if rule.id.is_empty() || !rule.id.bytes().all(is_plain) {
            return Err(RuleError::FieldInvalid("id"));
        }
        for (name, text) in [
            ("title", &rule.title),
            ("sql", &rule.sql),
            ("explanation", &rule.explanation),
            ("repair", &rule.repair),
        ] {
            if text.trim().is_empty() {
                return Err(RuleError::FieldInvalid(name));
            }
        }
        check_sql(&rule.sql)?;
        Ok(rule)
    }
}

/// Whether the text is one SELECT; the session refuses everything else a second time.
pub(super) fn check_sql(sql: &str) -> Result<(), RuleError> {
    let malformed = |error: &dyn std::fmt::Display| RuleError::SqlMalformed(error.to_string());
    let mut statements = DFParserBuilder::new(sql)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| malformed(&error))?;
    let (Some(AnyStatement::Statement(statement)), true) =
        (statements.pop_front(), statements.is_empty())
    else {
        return Err(RuleError::NotOneSelect);
    };
    match *statement {
        Statement::Query(query) if reads_only(&query) => Ok(()),
        _ => Err(RuleError::NotOneSelect),
    }
}

fn reads_only(query: &Query) -> bool {
    let tables = query.with.as_ref().map(|with| with.cte_tables.as_slice()).unwrap_or_default();
    tables.iter().all(|table| reads_only(&table.query))
        && query.locks.is_empty()
        && selects_only(&query.body)
}

fn selects_only(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.into.is_none(),
        SetExpr::Query(query) => reads_only(query),
        SetExpr::SetOperation { left, right, .. } => selects_only(left) && selects_only(right),
        _ => false,
    }
}
