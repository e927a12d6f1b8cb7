//! Cells that the page has many of: counts, sums and samples of ids.

use std::fmt::Write;

use minijinja::{HtmlEscape, value::Value};

use super::verdict::grouped;

/// A cell with a number; `tone` colours it when it is not zero.
pub(super) fn count(value: &Value, tone: Option<&str>) -> Value {
    let text = value.to_string();
    let class = if is_nothing(&text) { "zero" } else { tone.unwrap_or_default() };
    cell(class, &text)
}

/// Four cells with a sum: old, left out, new, difference.
pub(super) fn sums(sum: &Value) -> Value {
    let part = |name: &str| sum.get_attr(name).map(|value| value.to_string()).unwrap_or_default();
    let difference = part("difference");
    let cells = [
        cell("", &part("old")),
        cell(if is_nothing(&part("left_out")) { "zero" } else { "" }, &part("left_out")),
        cell("", &part("new")),
        cell(if is_nothing(&difference) { "even" } else { "bad" }, &difference),
    ];
    Value::from_safe_string(cells.iter().map(ToString::to_string).collect())
}

/// Source ids of some of so many records, folded away.
pub(super) fn samples(ids: &Value, records: &Value) -> Value {
    let ids: Vec<String> = ids.try_iter().into_iter().flatten().map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Value::from("–");
    }
    let mut html = format!(
        "<details><summary>{} of {}</summary><ul class=\"ids\">",
        ids.len(),
        grouped(&records.to_string()),
    );
    for id in &ids {
        // Writing to a string cannot fail.
        write!(html, "<li><code>{}</code></li>", HtmlEscape(id)).unwrap_or_default();
    }
    html.push_str("</ul></details>");
    Value::from_safe_string(html)
}

fn cell(class: &str, number: &str) -> Value {
    let class = class.trim();
    let space = if class.is_empty() { "" } else { " " };
    let number = grouped(number);
    Value::from_safe_string(format!(
        "<td class=\"n{space}{}\">{}</td>",
        HtmlEscape(class),
        HtmlEscape(&number)
    ))
}

fn is_nothing(number: &str) -> bool {
    number.chars().all(|letter| matches!(letter, '0' | '.' | '-'))
}
