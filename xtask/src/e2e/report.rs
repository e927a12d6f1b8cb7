//! What a person reads at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::compare::{Comparison, Problem};
use super::facts::Kind;
use super::money::{self, Sum};
use super::proxy::Writes;
use super::shops::Shop;
use super::walk::Migrated;

/// How many problems are printed one by one.
const SHOWN: usize = 40;
/// How many letters of a value are printed.
const LETTERS: usize = 80;

/// Seconds with one digit behind the point.
pub(crate) fn seconds(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// Prints the table of one shop.
pub(crate) fn shop(shop: &Shop, migrated: &Migrated, comparison: &Comparison) {
    println!("  {:<16}{:>9}{:>9}{:>11}{:>9}", "kind", "records", "equal", "in ledger", "facts");
    let mut records = 0_u128;
    for kind in Kind::ALL {
        let Some(counts) = comparison.counts.get(&kind) else { continue };
        records += counts.records as u128;
        println!(
            "  {kind:<16}{:>9}{:>9}{:>11}{:>9}",
            counts.records, counts.equal, counts.in_ledger, counts.facts
        );
    }
    let tenths = records * 10_000 / migrated.live.as_millis().max(1);
    println!(
        "  {}: live run {}, {}.{} records/s; the whole road {}",
        shop.name,
        seconds(migrated.live),
        tenths / 10,
        tenths % 10,
        seconds(migrated.whole)
    );
}

/// Prints the sums of money over all months, and the months that are not equal.
pub(crate) fn money(sums: &[Sum]) {
    let mut shown = String::new();
    for (sum, months) in money::by_currency(sums) {
        if sum.of.0 != shown {
            shown.clone_from(&sum.of.0);
            println!(
                "  {shown} in {months} months{:>12}{:>16}{:>16}",
                "source", "left out", "shop"
            );
        }
        print_sum(sum.name, &sum);
    }
    for sum in sums.iter().filter(|sum| !sum.is_equal()) {
        print_sum(&format!("{} {} {}", sum.of.0, sum.of.1, sum.name), sum);
    }
}

/// Prints the stock by location.
pub(crate) fn stock(sums: &[Sum]) {
    for sum in sums {
        print_sum(&format!("{} at `{}`", sum.name, sum.of.0), sum);
    }
}

fn print_sum(name: &str, sum: &Sum) {
    let verdict = if sum.is_equal() { "equal" } else { "DIFFERENT" };
    let Sum { source, left_out, target, .. } = sum;
    println!("    {name:<12}{source:>16}{left_out:>16}{target:>16}  {verdict}");
}

/// Prints what a proxy counted, under a title.
pub(crate) fn writes(title: &str, writes: &Writes) {
    println!("  {title}: {} requests that may write", writes.values().sum::<usize>());
    for (line, count) in writes {
        println!("    {count:>6} × {line}");
    }
}

/// Prints what is wrong: how often by field, then the first ones.
pub(crate) fn problems(problems: &[Problem]) {
    let mut fields: BTreeMap<(Kind, String), usize> = BTreeMap::new();
    for problem in problems {
        let general = general(&problem.field);
        *fields.entry((problem.id.0, general)).or_default() += 1;
    }
    for ((kind, field), count) in &fields {
        println!("  {count:>6} × {kind} {field}");
    }
    for problem in problems.iter().take(SHOWN) {
        let (kind, id) = &problem.id;
        println!("  {kind} {id}: {}", problem.field);
        println!("      expected {:?}", shortened(&problem.expected));
        println!("      actual   {:?}", shortened(&problem.actual));
    }
    if problems.len() > SHOWN {
        println!("  … and {} more", problems.len() - SHOWN);
    }
}

/// A path without places in lists.
pub(crate) fn general(path: &str) -> String {
    let mut general = String::new();
    let mut inside = false;
    for letter in path.chars() {
        inside = match letter {
            '[' => true,
            ']' => false,
            _ => inside && letter.is_ascii_digit(),
        };
        if !inside {
            general.push(letter);
        } else if letter == '[' {
            general.push('[');
        }
    }
    general
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_paths_are_short() {
        assert_eq!(seconds(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(general("variants[12].prices.eur"), "variants[].prices.eur");
        assert_eq!(shortened("abc"), "abc");
    }
}
