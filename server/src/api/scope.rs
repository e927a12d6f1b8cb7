//! Which scope each method needs: one table. A method that is not in it is denied.

use std::collections::BTreeSet;

use crate::error::{Error, Result};

/// What a method asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token.
    Open,
    /// Without a token from loopback, else with any token.
    Loopback,
    /// A token with this scope.
    Scope(&'static str),
}

/// Service, method, scope.
const TABLE: &[(&str, &[(&str, &str)])] = &[
    (
        "ConnectionService",
        &[
            ("CreateConnection", "connections.write"),
            ("GetConnection", "connections.read"),
            ("ListConnections", "connections.read"),
            ("UpdateConnection", "connections.write"),
            ("DeleteConnection", "connections.write"),
            ("VerifyConnection", "connections.write"),
        ],
    ),
    (
        "UploadService",
        &[
            ("CreateUpload", "uploads.write"),
            ("GetUpload", "uploads.read"),
            ("ListUploads", "uploads.read"),
            ("WriteUploadChunk", "uploads.write"),
            ("FinalizeUpload", "uploads.write"),
            ("DeleteUpload", "uploads.write"),
        ],
    ),
    (
        "MigrationService",
        &[
            ("CreateMigration", "migrations.write"),
            ("GetMigration", "migrations.read"),
            ("ListMigrations", "migrations.read"),
            ("UpdateMigration", "migrations.write"),
            ("DeleteMigration", "migrations.write"),
            ("CancelMigration", "migrations.write"),
            ("CompleteMigration", "migrations.write"),
        ],
    ),
    (
        "SnapshotService",
        &[
            ("CreateSnapshot", "snapshots.write"),
            ("GetSnapshot", "snapshots.read"),
            ("ListSnapshots", "snapshots.read"),
            ("DeleteSnapshot", "snapshots.write"),
            ("CancelSnapshot", "snapshots.write"),
            ("WatchSnapshot", "snapshots.read"),
            ("ListSnapshotRecords", "snapshots.read"),
            ("CreateRestoreTest", "snapshots.write"),
            ("GetRestoreTest", "snapshots.read"),
            ("ListRestoreTests", "snapshots.read"),
        ],
    ),
    (
        "AuditService",
        &[
            ("CreateAudit", "audits.write"),
            ("GetAudit", "audits.read"),
            ("ListAudits", "audits.read"),
            ("CancelAudit", "audits.write"),
            ("DeleteAudit", "audits.write"),
            ("ListFindings", "audits.read"),
            ("GetFinding", "audits.read"),
            ("ListAuditRules", "audits.read"),
            ("WatchAudit", "audits.read"),
        ],
    ),
    (
        "MappingService",
        &[
            ("CreateMapping", "mappings.write"),
            ("GetMapping", "mappings.read"),
            ("ListMappings", "mappings.read"),
            ("UpdateMapping", "mappings.write"),
            ("DeleteMapping", "mappings.write"),
            ("ListMappingRevisions", "mappings.read"),
            ("GetMappingRevision", "mappings.read"),
            ("ValidateMapping", "mappings.read"),
            ("PreviewMapping", "mappings.read"),
            ("PublishMapping", "mappings.write"),
        ],
    ),
    (
        "PlanService",
        &[
            ("CreatePlan", "plans.write"),
            ("GetPlan", "plans.read"),
            ("ListPlans", "plans.read"),
            ("SubmitPlan", "plans.write"),
            ("ApprovePlan", "plans.approve"),
        ],
    ),
    (
        "RunService",
        &[
            ("CheckRunReadiness", "runs.read"),
            ("CreateRun", "runs.write"),
            ("GetRun", "runs.read"),
            ("ListRuns", "runs.read"),
            ("StartRun", "runs.write"),
            ("ScheduleRun", "runs.write"),
            ("UnscheduleRun", "runs.write"),
            ("PauseRun", "runs.write"),
            ("ResumeRun", "runs.write"),
            ("RetryRun", "runs.write"),
            ("ResolveRunRecord", "runs.write"),
            ("AcceptRun", "runs.write"),
            ("CancelRun", "runs.write"),
            ("WatchRun", "runs.read"),
            ("ListRunRecords", "runs.read"),
            ("ListRecordConflicts", "runs.read"),
            ("ResolveRecordConflicts", "runs.write"),
            ("GetRunRecord", "runs.read"),
            ("ListRecordLinks", "runs.read"),
            ("ListRunLosses", "runs.read"),
            ("FindRecord", "runs.read"),
            ("ExportRecordLinks", "runs.read"),
            ("ImportRecordLinks", "runs.write"),
        ],
    ),
    (
        "VerificationService",
        &[
            ("CreateVerificationReport", "verifications.write"),
            ("GetVerificationReport", "verifications.read"),
            ("ListVerificationReports", "verifications.read"),
            ("ListDiscrepancies", "verifications.read"),
            ("ExportVerificationReport", "verifications.read"),
        ],
    ),
    (
        "EventService",
        &[
            ("WatchEvents", "events.read"),
            ("ListEvents", "events.read"),
            ("GetEvent", "events.read"),
        ],
    ),
    (
        "PlatformService",
        &[
            ("GetPlatform", "platforms.read"),
            ("ListPlatforms", "platforms.read"),
            ("ListPlatformFields", "platforms.read"),
        ],
    ),
];

/// What a path such as `/cartage.v1.RunService/GetRun` asks; none when there is no such method.
pub fn access(path: &str) -> Option<Access> {
    let (service, method) = path.trim_start_matches('/').split_once('/')?;
    match service {
        "grpc.health.v1.Health" => Some(Access::Open),
        "grpc.reflection.v1.ServerReflection" | "grpc.reflection.v1alpha.ServerReflection" => {
            Some(Access::Loopback)
        }
        _ => {
            let service = service.strip_prefix("cartage.v1.")?;
            let (_, methods) = TABLE.iter().find(|(name, _)| *name == service)?;
            let (_, scope) = methods.iter().find(|(name, _)| *name == method)?;
            Some(Access::Scope(scope))
        }
    }
}

/// Every scope there is.
pub fn scopes() -> BTreeSet<&'static str> {
    TABLE.iter().flat_map(|(_, methods)| methods.iter().map(|(_, scope)| *scope)).collect()
}

/// Checks scopes separated by spaces: a token with one that no method asks for would only be found
/// useless later.
///
/// # Errors
/// `INVALID_FIELDS`.
pub fn check(text: &str) -> Result<()> {
    let known = scopes();
    let unknown = text.split_whitespace().find(|scope| *scope != "*" && !known.contains(scope));
    let message = match unknown {
        Some(scope) => format!(
            "There is no scope {scope:?}; there are * and {}.",
            known.into_iter().collect::<Vec<_>>().join(", ")
        ),
        None if text.trim().is_empty() => "A token without a scope is of no use.".to_owned(),
        None => return Ok(()),
    };
    Err(Error::field("scope", "REFERENCE_INVALID", message))
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn only_scopes_of_the_table_can_be_put_into_a_token() {
        assert!(check("*").is_ok());
        assert!(check("runs.read plans.approve").is_ok());
        for wrong in ["", " ", "runs.reed", "runs.read run.write", "runs.*"] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
        assert!(check("runs.reed").unwrap_err().violations[0].description.contains("runs.read"));
    }

    #[test]
    fn every_method_of_the_contract_has_a_scope_and_nothing_else_has() {
        let set =
            prost_types::FileDescriptorSet::decode(cartage_proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut methods = 0;
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/cartage.v1.{}/{}", service.name(), method.name());
                    assert!(matches!(access(&path), Some(Access::Scope(_))), "{path}");
                    methods += 1;
                }
            }
        }
        assert_eq!(methods, TABLE.iter().map(|(_, methods)| methods.len()).sum::<usize>());
        assert_eq!(access("/cartage.v1.RunService/Nothing"), None);
        assert_eq!(access("/other.v1.RunService/GetRun"), None);
    }
}
