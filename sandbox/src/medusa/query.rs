//! Query strings and lists: filters, order and paging, with Medusa's two habits: some lists
//! refuse a filter they do not know, others ignore it and give back everything.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::fields::Fields;
use super::state::{Kind, Shop};
use super::value::{Row, decimal, text};

/// A parsed query string.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// How one filter is held against a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Match {
    /// The value, or one of several.
    Value,
    /// One of several, written as a list (a bare value is refused).
    ListOnly,
    /// A text found in one of these fields, whatever its case.
    Search(&'static [&'static str]),
    /// A comparison of instants: `$gt`, `$gte`, `$lt`, `$lte`, `$eq`, `$ne`, or the value itself.
    Time,
    /// A comparison of a number of the row.
    Number(fn(&Row) -> Decimal),
    Flag,
    /// Known, and without effect here.
    Nothing,
    /// Through other objects.
    Related(fn(&Shop, &Row, &[&str]) -> bool),
    /// As `Related`, for a filter written `name[field]`.
    RelatedField(&'static str, fn(&Shop, &Row, &[&str]) -> bool),
}

/// What a list knows.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) strict: bool,
    pub(crate) limit: usize,
    pub(crate) filters: &'static [(&'static str, Match)],
}

/// The parameters every list has.
const COMMON: &[&str] = &["fields", "offset", "limit", "order", "with_deleted", "$and", "$or"];

/// A page of rows.
pub(crate) struct Page<'a> {
    pub(crate) rows: Vec<&'a Row>,
    count: usize,
    offset: usize,
    limit: usize,
}

impl Page<'_> {
    /// The reply: the rows under their name, then count, offset and limit.
    pub(crate) fn reply(&self, name: &str, rows: Vec<Value>) -> Value {
        json!({ name: rows, "count": self.count, "offset": self.offset, "limit": self.limit })
    }
}

impl Query {
    pub(crate) fn parse(uri: &Uri) -> Self {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri);
        Self { pairs: pairs.map(|Pairs(pairs)| pairs).unwrap_or_default() }
    }

    /// The value of a plain parameter.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The wanted fields.
    pub(crate) fn fields(&self, defaults: &[&str]) -> Fields {
        Fields::parse(self.first("fields"), defaults)
    }

    /// The part of a key before its first bracket.
    fn stem(key: &str) -> &str {
        key.split('[').next().unwrap_or(key)
    }

    /// All parameters of a name with what stands in their brackets.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().filter_map(move |(key, value)| {
            let brackets = key.strip_prefix(name)?;
            (brackets.is_empty() || brackets.starts_with('[')).then_some((brackets, value.as_str()))
        })
    }

    fn size(&self, name: &str, default: usize) -> Answer<usize> {
        let Some(written) = self.first(name).filter(|written| !written.is_empty()) else {
            return Ok(default);
        };
        let digits: String =
            written.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        let Ok(size) = digits.parse::<i64>() else {
            return Err(Refusal::invalid(format!(
                "Invalid request: Expected type: 'number' for field '{name}', got: '{written}'"
            )));
        };
        usize::try_from(size).map_err(|_| Refusal::unknown())
    }

    /// The rows of a kind that fit this query and a condition of the caller, in its order, one
    /// page of them.
    pub(crate) fn page<'a>(
        &self,
        shop: &'a Shop,
        kind: Kind,
        list: &List,
        also: impl Fn(&Row) -> bool,
    ) -> Answer<Page<'a>> {
        let filters = self.filters(list)?;
        let (offset, limit) = (self.size("offset", 0)?, self.size("limit", list.limit)?);
        let table = shop.table(kind);
        let seen_until = seen_until(shop);
        let fits = |row: &&Row| {
            let is_seen =
                seen_until.as_deref().is_none_or(|until| text(row, "created_at") <= until);
            is_seen && also(row) && filters.iter().all(|filter| filter.fits(shop, row))
        };
        let indexed = filters.iter().find(|filter| filter.narrows(table));
        let mut rows: Vec<&Row> = match indexed {
            Some(filter) if filter.name == "id" => {
                let places: BTreeSet<u64> =
                    filter.values().iter().filter_map(|id| table.place(id)).collect();
                places.into_iter().filter_map(|place| table.at(place)).filter(fits).collect()
            }
            Some(filter) => {
                let places: BTreeSet<u64> = filter
                    .values()
                    .iter()
                    .flat_map(|value| table.places(filter.name, value))
                    .collect();
                places.into_iter().filter_map(|place| table.at(place)).filter(fits).collect()
            }
            None => table.rows().filter(fits).collect(),
        };
        if let Some(order) = self.first("order").filter(|order| !order.is_empty()) {
            sort(&mut rows, order)?;
        }
        let count = rows.len();
        let rows = rows.into_iter().skip(offset).take(limit).collect();
        Ok(Page { rows, count, offset, limit })
    }

    fn filters<'a>(&'a self, list: &List) -> Answer<Vec<Filter<'a>>> {
        let known = |stem: &str| {
            COMMON.contains(&stem) || list.filters.iter().any(|(name, _)| *name == stem)
        };
        let mut unknown: Vec<&str> = Vec::new();
        for (key, _) in &self.pairs {
            let stem = Self::stem(key);
            if !known(stem) && !unknown.contains(&stem) {
                unknown.push(stem);
            }
        }
        if list.strict && !unknown.is_empty() {
            return Err(Refusal::invalid(format!(
                "Invalid request: Unrecognized fields: '{}'",
                unknown.join(", ")
            )));
        }
        let mut filters = Vec::new();
        for (name, how) in list.filters {
            let asked: Vec<(&str, &str)> = self.of(name).collect();
            if asked.is_empty() {
                continue;
            }
            if let (Match::ListOnly, [("", value)]) = (how, asked.as_slice()) {
                return Err(Refusal::invalid(format!(
                    "Invalid request: Expected type: 'array' for field '{name}', got: '{value}'"
                )));
            }
            filters.push(Filter { name, how: *how, asked });
        }
        Ok(filters)
    }
}

/// Until when something must have been made to be found, where the search lags behind.
fn seen_until(shop: &Shop) -> Option<String> {
    let lag = Some(shop.habits.search_lag).filter(|lag| !lag.is_zero())?;
    Some((Utc::now() - lag).to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

/// One filter of a query.
struct Filter<'a> {
    name: &'static str,
    how: Match,
    asked: Vec<(&'a str, &'a str)>,
}

impl<'a> Filter<'a> {
    fn values(&self) -> Vec<&'a str> {
        self.asked.iter().map(|(_, value)| *value).collect()
    }

    /// Whether an index gives the rows that fit.
    fn narrows(&self, table: &super::table::Table) -> bool {
        matches!(self.how, Match::Value)
            && self.asked.iter().all(|(brackets, _)| !brackets.starts_with("[$"))
            && (self.name == "id" || table.is_indexed(self.name))
    }

    fn fits(&self, shop: &Shop, row: &Row) -> bool {
        match self.how {
            Match::Value | Match::ListOnly => {
                let held = row.get(self.name).map_or_else(String::new, |value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                self.asked.iter().any(|(_, value)| *value == held)
            }
            Match::Search(fields) => self.asked.iter().all(|(_, value)| {
                let wanted = value.to_lowercase();
                fields.iter().any(|field| {
                    row.get(*field).is_some_and(|held| match held {
                        Value::String(text) => text.to_lowercase().contains(&wanted),
                        Value::Null => false,
                        other => matches(other, &wanted),
                    })
                })
            }),
            Match::Time => self.asked.iter().all(|(brackets, value)| {
                compares(brackets, text(row, self.name).cmp(instant(value).as_str()))
            }),
            Match::Number(of) => self.asked.iter().all(|(brackets, value)| {
                compares(brackets, of(row).cmp(&decimal(&Value::from(*value))))
            }),
            Match::Flag => {
                let held = row.get(self.name).and_then(Value::as_bool).unwrap_or(false);
                self.asked.iter().all(|(_, value)| (*value == "true") == held)
            }
            Match::Nothing => true,
            Match::Related(fits) => fits(shop, row, &self.values()),
            Match::RelatedField(field, fits) => {
                let named = |brackets: &str| {
                    let rest = brackets.strip_prefix('[').and_then(|b| b.strip_prefix(field));
                    rest.is_some_and(|rest| rest.starts_with(']'))
                };
                let values: Vec<&str> = self
                    .asked
                    .iter()
                    .filter(|(brackets, _)| named(brackets))
                    .map(|(_, value)| *value)
                    .collect();
                values.is_empty() || fits(shop, row, &values)
            }
        }
    }
}

/// Whether a number or a flag is written so.
fn matches(held: &Value, wanted: &str) -> bool {
    let held = held.to_string();
    held == wanted
}

fn compares(brackets: &str, order: Ordering) -> bool {
    match brackets {
        "[$gt]" => order.is_gt(),
        "[$gte]" => order.is_ge(),
        "[$lt]" => order.is_lt(),
        "[$lte]" => order.is_le(),
        "[$ne]" => order.is_ne(),
        _ => order.is_eq(),
    }
}

/// An instant or a date in the writing of the rows, so that texts compare as times do.
fn instant(written: &str) -> String {
    let at = DateTime::parse_from_rfc3339(written).map(|at| at.with_timezone(&Utc)).or_else(|_| {
        NaiveDate::parse_from_str(written, "%Y-%m-%d")
            .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc())
    });
    at.map_or_else(
        |_| written.to_owned(),
        |at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    )
}

/// Sorts by a field, downwards with a leading `-`; a field nobody has is the server's exception.
fn sort(rows: &mut [&Row], order: &str) -> Answer<()> {
    let (field, down) = match order.strip_prefix('-') {
        Some(field) => (field, true),
        None => (order, false),
    };
    if !rows.is_empty() && !rows.iter().any(|row| row.contains_key(field)) {
        return Err(Refusal::unknown());
    }
    rows.sort_by(|a, b| {
        let order = match (a.get(field), b.get(field)) {
            (Some(Value::Number(a)), Some(Value::Number(b))) => {
                decimal(&Value::Number(a.clone())).cmp(&decimal(&Value::Number(b.clone())))
            }
            _ => text(a, field).cmp(text(b, field)),
        };
        if down { order.reverse() } else { order }
    });
    Ok(())
}
