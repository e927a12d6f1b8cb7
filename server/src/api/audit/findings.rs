//! Reading findings.

use cartage_proto::v1;
use serde::{Deserialize, Serialize};

use super::{encode, filter_value};
use crate::{
    api::{Api, convert, filter, own_name, page::Page},
    app::audit::{Audit, RULES},
    error::{Error, Result, Violation},
    name::Name,
    reason::Reason,
    store::finding::{Finding, FindingFilter},
    token::Caller,
};

/// The severities, the worst first.
const SEVERITIES: [&str; 3] = ["error", "warning", "info"];

/// Where a page begins: behind a finding. `part` is the place of its severity where the worst come
/// first, and 0 otherwise.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Position {
    part: usize,
    sequence: i64,
}

impl Api {
    /// A page of findings.
    pub(super) async fn findings(
        &self,
        caller: &Caller,
        request: v1::ListFindingsRequest,
    ) -> Result<v1::ListFindingsResponse> {
        let parent = own_name(caller, &request.parent, "audits", "parent")?;
        let parts = parts(decode(&request.filter)?, &request.order_by)?;
        let arguments = format!("{parent}\n{}\n{}", request.filter, request.order_by);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListFindings", &arguments, size, token, 1_000)?;
        let start: Position = page.after(&self.app.keys)?.unwrap_or_default();
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Audit>(&parent).await?;
        let mut rows: Vec<(Position, Finding)> = Vec::new();
        for (part, filter) in parts.iter().enumerate().skip(start.part) {
            let left = page.size + 1 - i64::try_from(rows.len()).unwrap_or(page.size);
            if left <= 0 {
                break;
            }
            let after = if part == start.part { start.sequence } else { 0 };
            let found = tx.finding_page(&parent, filter, after, left).await?;
            rows.extend(found.into_iter().map(|it| (Position { part, sequence: it.sequence }, it)));
        }
        let encode = |(_, row): (Position, Finding)| encode::finding(&parent, &row);
        let (findings, next_page_token) =
            page.fill(&self.app.keys, rows, |(position, _)| *position, encode)?;
        Ok(v1::ListFindingsResponse { findings, next_page_token })
    }

    /// One finding.
    pub(super) async fn finding(&self, caller: &Caller, text: &str) -> Result<v1::Finding> {
        let (audit, sequence) = finding_name(caller, text)?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Audit>(&audit).await?;
        let before = sequence.saturating_sub(1);
        let found = tx.finding_page(&audit, &FindingFilter::default(), before, 1).await?;
        let found = found.iter().find(|finding| finding.sequence == sequence);
        found.map(|finding| encode::finding(&audit, finding)).ok_or_else(|| Error::not_found(text))
    }
}

/// The audit and the sequence of a finding's name.
fn finding_name(caller: &Caller, text: &str) -> Result<(Name, i64)> {
    let wrong = || {
        Error::field(
            "name",
            if text.is_empty() { "REQUIRED" } else { "FORMAT_INVALID" },
            "A name looks like accounts/{account}/migrations/{migration}/audits/{audit}/findings/f12.",
        )
    };
    let (audit, number) = match text.rsplit_once(encode::FINDINGS) {
        Some(parts) => parts,
        None => {
            // Another account is told the same whatever the rest of the name looks like.
            own_name(caller, text, "audits", "name")?;
            return Err(wrong());
        }
    };
    let audit = own_name(caller, audit, "audits", "name")?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    let sequence = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    Ok((audit, sequence))
}

fn decode(text: &str) -> Result<FindingFilter> {
    let terms = filter::parse(text, &["severity", "rule", "kind", "source_id"])?;
    let severity = filter::word(&terms, "severity");
    if !severity.is_empty() && !SEVERITIES.contains(&severity.as_str()) {
        return Err(filter_value("severity", &severity));
    }
    let rule = filter::text(&terms, "rule");
    let kind = match terms.get("kind") {
        None => String::new(),
        Some(word) => v1::RecordKind::from_str_name(&format!("RECORD_KIND_{word}"))
            .and_then(|kind| convert::kind(kind.into(), "filter").ok().flatten())
            .map(|kind| kind.to_string())
            .ok_or_else(|| filter_value("kind", word))?,
    };
    Ok(FindingFilter {
        rule: rule.strip_prefix(RULES).unwrap_or(&rule).to_owned(),
        severity,
        kind,
        source_id: filter::text(&terms, "source_id"),
    })
}

/// The lists that make the whole list, one after the other.
fn parts(filter: FindingFilter, order_by: &str) -> Result<Vec<FindingFilter>> {
    match order_by.split_whitespace().collect::<Vec<_>>().as_slice() {
        [] | ["sequence"] => Ok(vec![filter]),
        ["severity", "desc"] if !filter.severity.is_empty() => Ok(vec![filter]),
        ["severity", "desc"] => Ok(SEVERITIES
            .map(|severity| FindingFilter { severity: severity.to_owned(), ..filter.clone() })
            .to_vec()),
        _ => {
            let message = "Findings are ordered by `sequence` or by `severity desc`.";
            let mut error = Error::new(Reason::FilterInvalid, message).with("position", "0");
            error.violations.push(Violation {
                field: "order_by".to_owned(),
                reason: "SYNTAX",
                description: message.to_owned(),
            });
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_speaks_the_words_of_the_contract() {
        let filter =
            decode("severity = ERROR AND kind = URL_REDIRECT AND rule = auditRules/x").unwrap();
        assert_eq!((filter.severity.as_str(), filter.kind.as_str()), ("error", "url"));
        assert_eq!(filter.rule, "x");
        for wrong in ["severity = BAD", "kind = THING", "message = x"] {
            assert_eq!(decode(wrong).unwrap_err().reason, Reason::FilterInvalid, "{wrong}");
        }
    }

    #[test]
    fn the_worst_first_is_a_list_of_lists() {
        let all = parts(FindingFilter::default(), "severity  desc").unwrap();
        assert_eq!(all.iter().map(|it| it.severity.as_str()).collect::<Vec<_>>(), SEVERITIES);
        assert_eq!(parts(FindingFilter::default(), "").unwrap().len(), 1);
        assert!(parts(FindingFilter::default(), "severity").is_err());
    }

    #[test]
    fn a_finding_is_named_by_its_place() {
        let caller = Caller {
            account: "a".to_owned(),
            subject: "me".to_owned(),
            scopes: Vec::new(),
            expires_at_s: 0,
        };
        let audit = "accounts/a/migrations/m/audits/x";
        let (name, sequence) = finding_name(&caller, &format!("{audit}/findings/f12")).unwrap();
        assert_eq!((name.as_str(), sequence), (audit, 12));
        for wrong in ["", audit, "accounts/a/migrations/m/audits/x/findings/f012"] {
            let error = finding_name(&caller, wrong).unwrap_err();
            assert_eq!(error.reason, Reason::InvalidFields, "{wrong}");
        }
        let foreign = finding_name(&caller, "accounts/b/migrations/m/audits/x/findings/f1");
        assert_eq!(foreign.unwrap_err().reason, Reason::AccessDenied);
    }
}
