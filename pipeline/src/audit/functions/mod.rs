//! Functions that rules may use beside those of SQL. Each is pure and knows null as null.
//!
//! | function | gives |
//! |---|---|
//! | `mask_email(text)` | `j***@example.com` |
//! | `mask_text(text)` | the first letter and `***` |
//! | `email_key(text)` | the address as it is compared: trimmed, lower case |
//! | `email_valid(text)` | whether it is an address that mail can be sent to |
//! | `phone_valid(text)` | whether it can be dialled |
//! | `gtin_valid(text)` | whether it is a GTIN with the right check digit |
//! | `plain(text)` | a decimal number without the zeros of its column, two decimals at least |
//! | `html_problem(text)` | the first tag that is not closed or not opened, null when there is none |
//! | `has_mojibake(text)` | whether it was encoded twice |
//! | `country_known(text)` | whether it is a code of ISO 3166-1 alpha-2 in use |
//! | `currency_known(text)` | whether it is a code of ISO 4217 in use |

mod codes;
mod contact;
mod gtin;
mod html;
mod mask;
mod mojibake;
mod number;

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, BooleanArray, StringArray},
        datatypes::DataType,
    },
    error::DataFusionError,
    logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf},
    prelude::SessionContext,
};

/// Makes the functions known to a session.
pub(super) fn register(session: &SessionContext) {
    session.register_udf(text_function("mask_email", |text| Some(mask::email(text))));
    session.register_udf(text_function("mask_text", |text| Some(mask::text(text))));
    session.register_udf(text_function("email_key", |text| Some(contact::email_key(text))));
    session.register_udf(text_function("plain", |text| Some(number::plain(text))));
    session.register_udf(text_function("html_problem", html::problem));
    session.register_udf(test_function("email_valid", contact::email_valid));
    session.register_udf(test_function("phone_valid", contact::phone_valid));
    session.register_udf(test_function("gtin_valid", gtin::valid));
    session.register_udf(test_function("has_mojibake", mojibake::found));
    session.register_udf(test_function("country_known", codes::country_known));
    session.register_udf(test_function("currency_known", codes::currency_known));
}

fn texts(arguments: &[ColumnarValue]) -> Result<ArrayRef, DataFusionError> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    arrays
        .into_iter()
        .next()
        .filter(|array| array.as_string_opt::<i32>().is_some())
        .ok_or_else(|| DataFusionError::Internal("a text function takes one text".to_owned()))
}

fn values(array: &ArrayRef) -> impl Iterator<Item = Option<&str>> {
    array.as_string::<i32>().iter()
}

fn text_function(name: &str, function: fn(&str) -> Option<String>) -> ScalarUDF {
    let body = move |arguments: &[ColumnarValue]| {
        let array = texts(arguments)?;
        let result: StringArray = values(&array).map(|value| value.and_then(function)).collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    };
    let types = vec![DataType::Utf8];
    create_udf(name, types, DataType::Utf8, Volatility::Immutable, Arc::new(body))
}

fn test_function(name: &str, function: fn(&str) -> bool) -> ScalarUDF {
    let body = move |arguments: &[ColumnarValue]| {
        let array = texts(arguments)?;
        let result: BooleanArray = values(&array).map(|value| value.map(function)).collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    };
    let types = vec![DataType::Utf8];
    create_udf(name, types, DataType::Boolean, Volatility::Immutable, Arc::new(body))
}
