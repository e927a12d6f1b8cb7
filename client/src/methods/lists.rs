//! Which requests come in pages, and where their items stand.

use cartage_proto::v1;

use super::List;

macro_rules! lists {
    ($($request:ident => $field:ident: $item:ident;)*) => {
        $(impl List for v1::$request {
            type Item = v1::$item;

            fn page_token(&mut self) -> &mut String {
                &mut self.page_token
            }

            fn page_size(&mut self) -> &mut i32 {
                &mut self.page_size
            }

            fn split(response: Self::Response) -> (Vec<v1::$item>, String) {
                (response.$field, response.next_page_token)
            }
        })*
    };
}

lists! {
    ListAuditsRequest => audits: Audit;
    ListFindingsRequest => findings: Finding;
    ListAuditRulesRequest => audit_rules: AuditRule;
    ListConnectionsRequest => connections: Connection;
    ListEventsRequest => events: Event;
    ListMappingsRequest => mappings: Mapping;
    ListMappingRevisionsRequest => mapping_revisions: MappingRevision;
    ValidateMappingRequest => issues: MappingIssue;
    PreviewMappingRequest => rows: PreviewRow;
    ListMigrationsRequest => migrations: Migration;
    ListPlatformsRequest => platforms: Platform;
    ListPlatformFieldsRequest => fields: PlatformField;
    CheckRunReadinessRequest => issues: PreflightIssue;
    ListPlansRequest => plans: Plan;
    ListRunsRequest => runs: Run;
    ListRunRecordsRequest => run_records: RunRecord;
    ListRecordConflictsRequest => record_conflicts: RecordConflict;
    ListRecordLinksRequest => record_links: RecordLink;
    FindRecordRequest => found_records: FoundRecord;
    ListRunLossesRequest => losses: LossCount;
    ListSnapshotsRequest => snapshots: Snapshot;
    ListSnapshotRecordsRequest => records: SnapshotRecord;
    ListRestoreTestsRequest => restore_tests: RestoreTest;
    ListUploadsRequest => uploads: Upload;
    ListVerificationReportsRequest => verification_reports: VerificationReport;
    ListDiscrepanciesRequest => discrepancies: Discrepancy;
}
