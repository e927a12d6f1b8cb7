//! VerificationService: reports on what stands in the target against what should.

use cartage_pipeline::{
    report::render_html,
    verify::{KindVerification, MoneyRow, StockRow, Sum},
};
use cartage_proto::v1;
use prost::bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{
    Api,
    convert::{self, record_kind, record_kind_of, timestamp},
    filter, own_name,
    page::Page,
    run::encode as run_encode,
};
use crate::{
    app::{
        run::Run,
        verification::{self, VerificationReport, VerificationState},
    },
    begin,
    error::{Error, Result},
    name::chosen_id,
    store::{
        Tx,
        discrepancy::{Discrepancy, DiscrepancyFilter},
        progress::Progress,
        resource::{Cut, Resource, State},
    },
};

/// The most reports on a page: each is read with the document it is exported as.
const REPORTS_MAX: i64 = 50;
/// The size of a piece of an exported report.
const CHUNK_BYTES: usize = 256 * 1024;
/// What stands where a value is not shown.
const MASKED: &str = "•••";

fn encode(
    report: &Resource<VerificationReport>,
    progress: Option<&Progress>,
    accounting: Option<v1::Accounting>,
) -> v1::VerificationReport {
    let body = &report.body;
    let state = v1::verification_report::State::from_str_name(report.state.as_str());
    v1::VerificationReport {
        name: report.name.as_str().to_owned(),
        uid: report.uid.to_string(),
        kinds: body.kinds.iter().map(|kind| record_kind(*kind).into()).collect(),
        state: state.unwrap_or_default().into(),
        progress: progress.map_or_else(Vec::new, |it| run_encode::kinds(&it.kinds)),
        passed: body.passed,
        comparisons: body.comparisons.iter().map(comparison).collect(),
        money: body.money.iter().map(money).collect(),
        stock: body.stock.iter().map(stock).collect(),
        accounting,
        failure: body.failure.as_ref().map(convert::failure),
        start_time: body.start_time.map(timestamp),
        end_time: body.end_time.map(timestamp),
        etag: report.etag(),
        create_time: Some(timestamp(report.create_time)),
        update_time: Some(timestamp(report.update_time)),
    }
}

fn comparison(from: &KindVerification) -> v1::KindComparison {
    let fields_different: u64 = from.differences.iter().map(|field| field.count).sum();
    v1::KindComparison {
        kind: record_kind(from.kind).into(),
        compared: count(from.compared),
        equal: count(from.equal),
        explained: 0,
        different: count(from.different),
        missing: count(from.missing),
        unexpected: count(from.unexpected + from.duplicated),
        fields_compared: count(from.fields_compared),
        fields_different: count(fields_different),
    }
}

fn money(row: &MoneyRow) -> v1::MoneyReconciliation {
    v1::MoneyReconciliation {
        month: row.month.clone(),
        currency_code: row.currency.clone(),
        source_order_count: count(row.orders_old),
        target_order_count: count(row.orders_new),
        revenue: Some(amount(&row.revenue)),
        tax: Some(amount(&row.tax)),
        discounts: Some(amount(&row.discounts)),
        refunds: Some(amount(&row.refunds)),
        shipping: Some(amount(&row.shipping)),
    }
}

fn amount(sum: &Sum) -> v1::AmountComparison {
    v1::AmountComparison {
        source_amount: sum.old.to_string(),
        explained_amount: sum.left_out.to_string(),
        target_amount: sum.new.to_string(),
        difference: sum.difference.to_string(),
    }
}

fn stock(row: &StockRow) -> v1::StockReconciliation {
    v1::StockReconciliation {
        location: row.location.clone(),
        source_units: row.units.old.to_string(),
        explained_units: row.units.left_out.to_string(),
        target_units: row.units.new.to_string(),
        difference: row.units.difference.to_string(),
    }
}

fn discrepancy(report: &str, row: Discrepancy, shown: bool) -> v1::Discrepancy {
    let value = |text: String| if shown || text.is_empty() { text } else { MASKED.to_owned() };
    let name = format!("TYPE_{}", row.discrepancy_type.to_ascii_uppercase());
    v1::Discrepancy {
        name: format!("{report}/discrepancies/d{}", row.sequence),
        r#type: v1::discrepancy::Type::from_str_name(&name).unwrap_or_default().into(),
        kind: record_kind_of(&row.kind),
        source_id: row.source_id,
        target_id: row.target_id,
        field: row.field,
        expected: value(row.expected),
        actual: value(row.actual),
        explained: row.explanation.is_some(),
        explanation: row.explanation.unwrap_or_default(),
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

async fn encoded(
    tx: &mut Tx,
    report: &Resource<VerificationReport>,
) -> Result<v1::VerificationReport> {
    let progress = tx.progress_get(&report.name).await?;
    let run_name = report.name.parent().unwrap_or_else(|| report.name.clone());
    let run = tx.resource_get::<Run>(&run_name).await?;
    let counts = tx.run_record_counts(&run_name).await?;
    let accounting = run.body.totals.as_ref().map(|it| run_encode::accounting(it, &counts));
    Ok(encode(report, progress.as_ref(), accounting))
}

#[tonic::async_trait]
impl v1::verification_service_server::VerificationService for Api {
    type ExportVerificationReportStream =
        ReceiverStream<Result<v1::ExportVerificationReportResponse, Status>>;

    async fn create_verification_report(
        &self,
        request: Request<v1::CreateVerificationReportRequest>,
    ) -> Result<Response<v1::VerificationReport>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "runs", "parent")?;
        let mut change = begin!(self, &caller, "CreateVerificationReport", &request);
        let asked = request.verification_report.clone().unwrap_or_default();
        let kinds = convert::kinds(&asked.kinds, "verification_report.kinds")?;
        let id =
            chosen_id(&request.verification_report_id, "verification_report_id", "verification")?;
        let report = verification::create(&mut change.tx, &parent, &id, kinds).await?;
        change
            .event(parent.stream(), verification::state_event(&report, VerificationState::Pending));
        let response = encoded(&mut change.tx, &report).await?;
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_verification_report(
        &self,
        request: Request<v1::GetVerificationReportRequest>,
    ) -> Result<Response<v1::VerificationReport>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "verificationReports", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let report = tx.resource_get::<VerificationReport>(&name).await?;
        let response = encoded(&mut tx, &report).await?;
        tx.rollback().await?;
        Ok(Response::new(response))
    }

    async fn list_verification_reports(
        &self,
        request: Request<v1::ListVerificationReportsRequest>,
    ) -> Result<Response<v1::ListVerificationReportsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "runs", "parent")?;
        let page = Page::new(
            &caller.account,
            "ListVerificationReports",
            parent.as_str(),
            request.page_size,
            &request.page_token,
            REPORTS_MAX,
        )?;
        let keys = &self.app.keys;
        let cut =
            Cut { limit: page.size.saturating_add(1), after: page.after(keys)?, ..Cut::default() };
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Run>(&parent).await?;
        let reports = tx.resource_list::<VerificationReport>(&parent, &cut).await?;
        let mut found = Vec::with_capacity(reports.len());
        for report in &reports {
            found.push((report.place(), encoded(&mut tx, report).await?));
        }
        tx.rollback().await?;
        let (verification_reports, next_page_token) =
            page.fill(keys, found, |(place, _)| place.clone(), |(_, report)| report)?;
        Ok(Response::new(v1::ListVerificationReportsResponse {
            verification_reports,
            next_page_token,
        }))
    }

    async fn list_discrepancies(
        &self,
        request: Request<v1::ListDiscrepanciesRequest>,
    ) -> Result<Response<v1::ListDiscrepanciesResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "verificationReports", "parent")?;
        let allowed = ["kind", "type", "explained", "source_id", "field"];
        let fields = filter::parse(&request.filter, &allowed)?;
        let arguments = format!("{parent}\n{}", request.filter);
        let page = Page::new(
            &caller.account,
            "ListDiscrepancies",
            &arguments,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let keys = &self.app.keys;
        let wanted = DiscrepancyFilter {
            kind: filter::word(&fields, "kind").replace("url_redirect", "url"),
            discrepancy_type: filter::word(&fields, "type"),
            explained: filter::boolean(&fields, "explained")?,
            source_id: filter::text(&fields, "source_id"),
            field: filter::text(&fields, "field"),
        };
        let after = page.after::<i64>(keys)?.unwrap_or_default();
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<VerificationReport>(&parent).await?;
        let rows =
            tx.discrepancy_page(&parent, &wanted, after, page.size.saturating_add(1)).await?;
        tx.rollback().await?;
        let shown = caller.has("records.read");
        let encode = |row| discrepancy(parent.as_str(), row, shown);
        let (discrepancies, next_page_token) = page.fill(keys, rows, |row| row.sequence, encode)?;
        Ok(Response::new(v1::ListDiscrepanciesResponse { discrepancies, next_page_token }))
    }

    async fn export_verification_report(
        &self,
        request: Request<v1::ExportVerificationReportRequest>,
    ) -> Result<Response<Self::ExportVerificationReportStream>, Status> {
        use v1::export_verification_report_request::Format;
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "verificationReports", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let report = tx.resource_get::<VerificationReport>(&name).await?;
        tx.rollback().await?;
        let Some(document) = &report.body.report else {
            return Err(Error::state(name.as_str(), report.state.as_str(), &["SUCCEEDED"]).into());
        };
        let (content_type, bytes) = match convert::enum_value(request.format, "format")? {
            Format::Html => ("text/html; charset=utf-8", render_html(document).into_bytes()),
            Format::Json => {
                let json = serde_json::to_vec_pretty(document).map_err(Error::from)?;
                ("application/json", json)
            }
            Format::Unspecified => {
                return Err(Error::field("format", "REQUIRED", "Say JSON or HTML.").into());
            }
        };
        let first = usize::try_from(request.offset)
            .ok()
            .filter(|offset| *offset <= bytes.len())
            .ok_or_else(|| {
                Error::field("offset", "OUT_OF_RANGE", "The offset is beyond the report's end.")
            })?;
        Ok(Response::new(self.pieces(content_type, Bytes::from(bytes), first)))
    }
}

impl Api {
    fn pieces(
        &self,
        content_type: &'static str,
        bytes: Bytes,
        first: usize,
    ) -> ReceiverStream<Result<v1::ExportVerificationReportResponse, Status>> {
        let (sender, receiver) = mpsc::channel(2);
        self.app.tasks.spawn(async move {
            let blake3 = blake3::hash(&bytes).to_hex().to_string();
            let mut offset = first;
            loop {
                let end = bytes.len().min(offset.saturating_add(CHUNK_BYTES));
                let last = end == bytes.len();
                let piece = v1::ExportVerificationReportResponse {
                    offset: i64::try_from(offset).unwrap_or(i64::MAX),
                    data: bytes.slice(offset..end),
                    content_type: content_type.to_owned(),
                    total_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
                    blake3: blake3.clone(),
                    last,
                };
                if sender.send(Ok(piece)).await.is_err() || last {
                    return;
                }
                offset = end;
            }
        });
        ReceiverStream::new(receiver)
    }
}
