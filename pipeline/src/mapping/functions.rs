//! The functions an expression may call: a list of pure ones, each with its result measured.
//! Whatever is not on the list does not exist for a mapping: clock, chance, environment, files,
//! network, log, and all that can make much of little (`range`, `set`, decompression, YAML).

use std::{cell::Cell, sync::LazyLock};

use vrl::{
    compiler::{
        Context, Expression, Function, Parameter, Resolved, TypeState,
        function::{ArgumentList, Compiled, Example, FunctionCompileContext, closure},
        state::TypeInfo,
    },
    value::{Kind, Value},
};

use super::{FUEL_MAX, VALUE_BYTES_MAX};

/// The names of the allowed functions, sorted.
#[rustfmt::skip]
const ALLOWED: [&str; 106] = [
    "abs", "append", "array", "basename", "bool", "camelcase", "ceil", "compact", "contains",
    "contains_all", "decode_base16", "decode_base64", "decode_percent", "decode_punycode",
    "dirname", "downcase", "encode_base16", "encode_base64", "encode_csv", "encode_json",
    "encode_percent", "encode_punycode", "ends_with", "exists", "filter", "find", "float",
    "floor", "for_each", "format_int", "format_timestamp", "from_entries", "from_unix_timestamp",
    "get", "includes", "int", "ip_cidr_contains", "is_array", "is_boolean", "is_empty",
    "is_float", "is_integer", "is_ipv4", "is_ipv6", "is_json", "is_null", "is_nullish",
    "is_object", "is_regex", "is_string", "is_timestamp", "join", "kebabcase", "keys", "length",
    "map_keys", "map_values", "match", "match_any", "match_array", "merge", "mod", "object",
    "object_from_array", "parse_bytes", "parse_csv", "parse_duration", "parse_float", "parse_int",
    "parse_json", "parse_key_value", "parse_query_string", "parse_regex", "parse_regex_all",
    "parse_timestamp", "parse_tokens", "parse_url", "pascalcase", "pop", "push", "remove",
    "replace", "round", "screamingsnakecase", "slice", "snakecase", "split", "split_path",
    "starts_with", "string", "strip_whitespace", "strlen", "tally", "tally_value", "timestamp",
    "to_bool", "to_entries", "to_float", "to_int", "to_string", "to_unix_timestamp", "truncate",
    "unique", "upcase", "values", "zip",
];

/// How many parts the type of a result may know.
const KIND_SIZE_MAX: usize = 256;

thread_local! {
    static FUEL: Cell<u64> = const { Cell::new(0) };
}

/// Fills the fuel of this thread, before an expression runs.
pub(super) fn refuel() {
    FUEL.with(|fuel| fuel.set(FUEL_MAX));
}

/// Takes fuel; false when there was too little.
pub(super) fn burn(amount: u64) -> bool {
    FUEL.with(|fuel| {
        let left = fuel.get().checked_sub(amount);
        fuel.set(left.unwrap_or(0));
        left.is_some()
    })
}

/// Whether the last expression ran out of fuel.
pub(super) fn is_burnt() -> bool {
    FUEL.with(|fuel| fuel.get() == 0)
}

/// Whether a function of this name may be called.
pub(super) fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok()
}

/// The names of all allowed functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALLOWED.into_iter()
}

/// The allowed functions.
pub(super) fn allowed() -> &'static [Box<dyn Function>] {
    static FUNCTIONS: LazyLock<Vec<Box<dyn Function>>> = LazyLock::new(|| {
        vrl::stdlib::all()
            .into_iter()
            .filter(|function| is_allowed(function.identifier()))
            .map(|inner| Box::new(Measured(inner)) as Box<dyn Function>)
            .collect()
    });
    &FUNCTIONS
}

/// How large a value is in bytes, counted no further than a limit.
pub(super) fn size(value: &Value, limit: usize) -> usize {
    match value {
        Value::Bytes(bytes) => bytes.len() + 8,
        Value::String(text) => text.len() + 8,
        Value::Object(map) => map.iter().fold(16, |sum, (key, inner)| {
            if sum > limit { sum } else { sum + key.len() + 8 + size(inner, limit) }
        }),
        Value::Array(list) => list
            .iter()
            .fold(16, |sum, inner| if sum > limit { sum } else { sum + size(inner, limit) }),
        Value::Regex(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Timestamp(_)
        | Value::Null => 8,
    }
}

/// How many parts a type knows, counted no further than the limit.
fn kind_size(kind: &Kind) -> usize {
    let objects = kind.as_object().into_iter().flat_map(|parts| parts.known().values());
    let arrays = kind.as_array().into_iter().flat_map(|parts| parts.known().values());
    objects.chain(arrays).fold(
        1,
        |sum, part| {
            if sum > KIND_SIZE_MAX { sum } else { sum + kind_size(part) }
        },
    )
}

/// A function whose results are measured.
#[derive(Debug)]
struct Measured(Box<dyn Function>);

impl Function for Measured {
    fn identifier(&self) -> &'static str {
        self.0.identifier()
    }

    fn usage(&self) -> &'static str {
        self.0.usage()
    }

    fn category(&self) -> &'static str {
        self.0.category()
    }

    fn return_kind(&self) -> u16 {
        self.0.return_kind()
    }

    fn pure(&self) -> bool {
        self.0.pure()
    }

    fn examples(&self) -> &'static [Example] {
        self.0.examples()
    }

    fn compile(
        &self,
        state: &TypeState,
        context: &mut FunctionCompileContext,
        arguments: ArgumentList,
    ) -> Compiled {
        let inner = self.0.compile(state, context, arguments)?;
        Ok(Box::new(MeasuredCall { inner }))
    }

    fn parameters(&self) -> &'static [Parameter] {
        self.0.parameters()
    }

    fn closure(&self) -> Option<closure::Definition> {
        self.0.closure()
    }
}

/// A call whose result is measured.
#[derive(Clone, Debug)]
struct MeasuredCall {
    inner: Box<dyn Expression>,
}

impl Expression for MeasuredCall {
    fn resolve(&self, context: &mut Context<'_>) -> Resolved {
        let value = self.inner.resolve(context)?;
        let size = size(&value, VALUE_BYTES_MAX);
        // An exhausted tank ends the run at the next checkpoint; the error alone could be caught.
        if !burn(u64::try_from(size / 64).unwrap_or(u64::MAX)) {
            context.checkpoint()?;
        }
        if size > VALUE_BYTES_MAX {
            return Err("the value is too large".into());
        }
        Ok(value)
    }

    fn resolve_constant(&self, state: &TypeState) -> Option<Value> {
        self.inner.resolve_constant(state)
    }

    fn type_info(&self, state: &TypeState) -> TypeInfo {
        let mut info = self.inner.type_info(state);
        // The type of `append(s, s)` knows each element: doubled often enough it fills the memory
        // before anything runs.
        if kind_size(info.result.kind()) > KIND_SIZE_MAX {
            *info.result.kind_mut() = Kind::any();
        }
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_allowed_name_is_a_function_and_none_reads_the_world() {
        assert!(ALLOWED.is_sorted());
        let known: Vec<_> = vrl::stdlib::all().iter().map(|it| it.identifier()).collect();
        for name in ALLOWED {
            assert!(known.contains(&name), "{name}");
        }
        for name in [
            "now",
            "random_int",
            "random_bytes",
            "uuid_v4",
            "uuid_v7",
            "get_env_var",
            "log",
            "get_hostname",
            "http_request",
            "dns_lookup",
            "range",
            "set",
            "decode_zstd",
            "parse_yaml",
            "format_number",
            "replace_with",
            "to_regex",
            "parse_grok",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }
}
