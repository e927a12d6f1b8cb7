//! Which scope each method needs: one table. A method that is not in it is denied.

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
            ("PauseRun", "runs.write"),
            ("ResumeRun", "runs.write"),
            ("CancelRun", "runs.write"),
            ("WatchRun", "runs.read"),
            ("ListRunRecords", "runs.read"),
            ("GetRunRecord", "runs.read"),
            ("ListRecordLinks", "runs.read"),
            ("ListRunLosses", "runs.read"),
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
    ("PlatformService", &[("GetPlatform", "platforms.read"), ("ListPlatforms", "platforms.read")]),
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

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

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
