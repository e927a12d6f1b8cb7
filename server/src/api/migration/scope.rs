//! Scopes on the wire.

use cartage_proto::v1;

use crate::{
    api::convert,
    app::migration::{KindFilter, Scope},
    error::{Error, Result},
};

/// The most records a filter may name one by one.
const SOURCE_IDS_MAX: usize = 1_000;

/// A scope from the wire, with everything in its one order.
///
/// # Errors
/// `INVALID_FIELDS`.
pub fn decode_scope(scope: &v1::Scope, field: &str) -> Result<Scope> {
    let kinds = convert::kinds(&scope.kinds, &format!("{field}.kinds"))?;
    let mut filters = Vec::new();
    for (index, filter) in scope.filters.iter().enumerate() {
        let place = format!("{field}.filters[{index}]");
        let filter = decode_filter(filter, &place)?;
        if !kinds.is_empty() && !kinds.contains(&filter.kind) {
            let message = "The filter narrows a kind that is not in scope.";
            return Err(Error::field(&format!("{place}.kind"), "ENUM_VALUE_INVALID", message));
        }
        if filters.iter().any(|known: &KindFilter| known.kind == filter.kind) {
            let message = "A kind has at most one filter.";
            return Err(Error::field(&format!("{place}.kind"), "TOO_MANY", message));
        }
        filters.push(filter);
    }
    filters.sort_by_key(|filter| filter.kind);
    Ok(Scope { kinds, filters })
}

fn decode_filter(filter: &v1::KindFilter, field: &str) -> Result<KindFilter> {
    let kind = convert::kind(filter.kind, &format!("{field}.kind"))?
        .ok_or_else(|| Error::field(&format!("{field}.kind"), "REQUIRED", "Say the kind."))?;
    let time = |time: &Option<prost_types::Timestamp>, name: &str| {
        time.as_ref().map(|it| convert::instant(it, &format!("{field}.{name}"))).transpose()
    };
    if filter.source_ids.len() > SOURCE_IDS_MAX {
        let message = "A filter names at most 1000 records.";
        return Err(Error::field(&format!("{field}.source_ids"), "TOO_MANY", message));
    }
    let max_records = u64::try_from(filter.max_records).map_err(|_| {
        Error::field(&format!("{field}.max_records"), "NEGATIVE", "The number is at least 0.")
    })?;
    let mut source_ids = filter.source_ids.clone();
    source_ids.sort();
    source_ids.dedup();
    Ok(KindFilter {
        kind,
        created_after: time(&filter.created_after, "created_after")?,
        created_before: time(&filter.created_before, "created_before")?,
        source_ids,
        max_records,
    })
}

/// A scope on the wire.
pub fn encode_scope(scope: &Scope) -> v1::Scope {
    v1::Scope {
        kinds: scope.kinds.iter().map(|kind| convert::record_kind(*kind).into()).collect(),
        filters: scope
            .filters
            .iter()
            .map(|filter| v1::KindFilter {
                kind: convert::record_kind(filter.kind).into(),
                created_after: filter.created_after.map(convert::timestamp),
                created_before: filter.created_before.map(convert::timestamp),
                source_ids: filter.source_ids.clone(),
                max_records: i64::try_from(filter.max_records).unwrap_or(i64::MAX),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_comes_back_in_its_one_order_and_bad_ones_are_refused() {
        let filter = |kind: v1::RecordKind, max_records| v1::KindFilter {
            kind: kind.into(),
            source_ids: vec!["2".to_owned(), "1".to_owned(), "2".to_owned()],
            max_records,
            ..Default::default()
        };
        let (order, product) = (v1::RecordKind::Order, v1::RecordKind::Product);
        let scope = v1::Scope {
            kinds: vec![order.into(), product.into(), order.into()],
            filters: vec![filter(order, 3), filter(product, 0)],
        };
        let decoded = decode_scope(&scope, "scope").unwrap();
        let encoded = encode_scope(&decoded);
        assert_eq!(encoded.kinds, [i32::from(product), i32::from(order)]);
        assert_eq!(encoded.filters[0].source_ids, ["1", "2"]);
        assert_eq!(decode_scope(&encoded, "scope").unwrap(), decoded);
        for (kinds, filters, reason) in [
            (vec![99], vec![], "ENUM_VALUE_INVALID"),
            (vec![], vec![filter(order, -1)], "NEGATIVE"),
            (vec![], vec![filter(order, 1), filter(order, 2)], "TOO_MANY"),
            (vec![product.into()], vec![filter(order, 1)], "ENUM_VALUE_INVALID"),
            (vec![], vec![v1::KindFilter::default()], "REQUIRED"),
        ] {
            let error = decode_scope(&v1::Scope { kinds, filters }, "scope").unwrap_err();
            assert_eq!(error.violations[0].reason, reason);
        }
    }
}
