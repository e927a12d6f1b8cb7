//! Lists: JSON Lines as they come, or a table.

use std::pin::pin;

use cartage_client::{List, json, json::Document, paginate};
use futures::TryStreamExt as _;

use super::{
    Failure,
    context::Context,
    output::line,
    table::{self, Column},
};

/// Options of commands that list.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which ones, such as `state = ACTIVE`; the API documentation names the fields.
    #[arg(long, default_value = "", value_name = "EXPRESSION", hide_default_value = true)]
    pub(crate) filter: String,
    /// At most this many; 0 for all. [default: 100 in a table, all with --json]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

const TABLE_LIMIT: usize = 100;
const PAGE_SIZE_MAX: usize = 200;

/// Prints what a request lists.
pub(crate) async fn print<R>(
    context: &Context,
    mut request: R,
    columns: &[Column],
    limit: Option<usize>,
) -> Result<(), Failure>
where
    R: List,
    R::Item: Document,
{
    let json = context.output.json;
    let limit = match limit {
        Some(0) => usize::MAX,
        Some(limit) => limit,
        None if json => usize::MAX,
        None => TABLE_LIMIT,
    };
    let page = i32::try_from(limit.saturating_add(1).min(PAGE_SIZE_MAX)).unwrap_or(i32::MAX);
    *request.page_size() = page;
    let mut items = pin!(paginate(&context.client, request));
    let mut rows = Vec::new();
    let mut printed = 0_usize;
    let mut more = false;
    while let Some(item) = items.try_next().await? {
        if printed == limit {
            more = true;
            break;
        }
        printed += 1;
        match json {
            true => context.output.json_line(&item)?,
            false => rows.push(json::to_value(&item)?),
        }
    }
    if json {
        return Ok(());
    }
    if rows.is_empty() {
        return line("none");
    }
    for row in table::lines(columns, &rows) {
        line(&row)?;
    }
    if more {
        line("… and more; --limit 0 shows all")?;
    }
    Ok(())
}
