//! Audits, rules and findings on the wire.

use cartage_pipeline::audit::{Rule, Severity};
use cartage_proto::v1;

use crate::{
    api::convert,
    app::audit::{Audit, AuditState, FindingCount, RULES},
    error::Result,
    name::Name,
    store::{Tx, finding::Finding, progress::Progress, resource::Resource},
};

/// The collection of findings below an audit.
pub(super) const FINDINGS: &str = "/findings/f";

/// An audit as it is now.
pub(super) async fn current(tx: &mut Tx, resource: &Resource<Audit>) -> Result<v1::Audit> {
    let progress = tx.progress_get(&resource.name).await?;
    if resource.state.is_terminal() {
        return Ok(audit(resource, &resource.body.counts, progress.as_ref()));
    }
    let counted = tx.finding_counts(&resource.name).await?.into_iter();
    let counts: Vec<FindingCount> =
        counted.map(|(rule, severity, count)| FindingCount { rule, severity, count }).collect();
    Ok(audit(resource, &counts, progress.as_ref()))
}

/// An audit with what is found and done so far.
pub(super) fn audit(
    audit: &Resource<Audit>,
    counts: &[FindingCount],
    progress: Option<&Progress>,
) -> v1::Audit {
    let body = &audit.body;
    let state = match audit.state {
        AuditState::Pending => v1::audit::State::Pending,
        AuditState::Running => v1::audit::State::Running,
        AuditState::Succeeded => v1::audit::State::Succeeded,
        AuditState::Failed => v1::audit::State::Failed,
        AuditState::Cancelling => v1::audit::State::Cancelling,
        AuditState::Cancelled => v1::audit::State::Cancelled,
    };
    let rules_total = i32::try_from(body.order.len()).unwrap_or(i32::MAX);
    let rules_done = match audit.state {
        AuditState::Succeeded => rules_total,
        _ => progress.map_or(0, |it| i32::try_from(it.done).unwrap_or(i32::MAX)),
    };
    v1::Audit {
        name: audit.name.to_string(),
        uid: audit.uid.to_string(),
        snapshot: body.snapshot.clone(),
        rules: body.rules.iter().map(|id| rule_name(id)).collect(),
        state: state.into(),
        rules_done,
        rules_total,
        finding_counts: counts
            .iter()
            .map(|it| v1::FindingCount {
                rule: rule_name(&it.rule),
                severity: severity(&it.severity).into(),
                count: it.count,
            })
            .collect(),
        finding_count: counts.iter().map(|it| it.count).sum(),
        failure: body.failure.as_ref().map(convert::failure),
        start_time: body.start_time.map(convert::timestamp),
        end_time: body.end_time.map(convert::timestamp),
        etag: audit.etag(),
        create_time: Some(convert::timestamp(audit.create_time)),
        update_time: Some(convert::timestamp(audit.update_time)),
    }
}

/// A finding. Its id is its place: sequences never change, so the name is never used again.
pub(super) fn finding(audit: &Name, finding: &Finding) -> v1::Finding {
    v1::Finding {
        name: format!("{audit}{FINDINGS}{}", finding.sequence),
        uid: finding.uid.to_string(),
        sequence: finding.sequence,
        rule: rule_name(&finding.rule),
        severity: severity(&finding.severity).into(),
        kind: convert::record_kind_of(&finding.kind),
        source_id: finding.source_id.clone(),
        field: finding.field.clone(),
        message: finding.message.clone(),
        evidence: finding.evidence.clone(),
        suggestion: finding.suggestion.clone(),
        related_source_ids: Vec::new(),
        create_time: Some(convert::timestamp(finding.create_time)),
    }
}

/// A rule.
pub(super) fn rule(rule: &Rule) -> v1::AuditRule {
    let severity = match rule.severity {
        Severity::Error => v1::Severity::Error,
        Severity::Warning => v1::Severity::Warning,
        Severity::Info => v1::Severity::Info,
    };
    v1::AuditRule {
        name: rule_name(&rule.id),
        title: rule.title.clone(),
        description: rule.explanation.clone(),
        severity: severity.into(),
        kinds: vec![convert::record_kind(rule.kind).into()],
        category: category(&rule.id).to_owned(),
        sql: rule.sql.trim().to_owned(),
    }
}

fn rule_name(id: &str) -> String {
    format!("{RULES}{id}")
}

fn severity(word: &str) -> v1::Severity {
    v1::Severity::from_str_name(&format!("SEVERITY_{}", word.to_ascii_uppercase()))
        .unwrap_or(v1::Severity::Unspecified)
}

/// The field of work of a rule. The ids of rules name a thing and what is wrong with it; the first
/// word that fits says the field.
fn category(id: &str) -> &'static str {
    const WORDS: [(&str, &str); 18] = [
        ("duplicate", "duplicates"),
        ("seo", "seo"),
        ("slug", "seo"),
        ("handle", "seo"),
        ("image_alt", "seo"),
        ("price_missing", "completeness"),
        ("price", "money"),
        ("total", "money"),
        ("refund", "money"),
        ("paid", "money"),
        ("currency", "money"),
        ("missing", "completeness"),
        ("unproven", "completeness"),
        ("unknown", "integrity"),
        ("gap", "integrity"),
        ("inactive", "relevance"),
        ("test_account", "relevance"),
        ("stock", "integrity"),
    ];
    WORDS.iter().find(|(word, _)| id.contains(word)).map_or("format", |(_, category)| category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_its_field_of_work() {
        for (id, expected) in [
            ("customer_email_duplicate", "duplicates"),
            ("product_seo_missing", "seo"),
            ("order_total_mismatch", "money"),
            ("variant_price_missing", "completeness"),
            ("line_product_unknown", "integrity"),
            ("product_html_broken", "format"),
        ] {
            assert_eq!(category(id), expected, "{id}");
        }
    }

    #[test]
    fn severities_have_the_words_of_the_contract() {
        assert_eq!(severity("warning"), v1::Severity::Warning);
        assert_eq!(severity("error"), v1::Severity::Error);
        assert_eq!(severity("strange"), v1::Severity::Unspecified);
    }
}
