//! The verdict: what a report comes to, in plain words.

use serde::Serialize;

use super::Report;

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All is there or explained.
    Good,
    /// Not all was looked at.
    Open,
    /// Something is wrong.
    Bad,
}

/// What a report comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How good it is.
    pub level: Level,
    /// One sentence.
    pub headline: String,
    /// What stands behind it, a sentence each.
    pub points: Vec<String>,
}

impl Report {
    /// The verdict on the run.
    pub fn verdict(&self) -> Verdict {
        let mut wrong = Vec::new();
        let mut open = Vec::new();
        let sum =
            |of: fn(&super::KindAccounting) -> u64| self.accounting.iter().map(of).sum::<u64>();
        let mut count = |number: u64, one: &str, many: &str| {
            if number > 0 {
                wrong.push(sentence(number, one, many));
            }
        };
        count(
            sum(super::KindAccounting::unaccounted),
            "record has no outcome",
            "records have no outcome",
        );
        count(
            sum(|kind| kind.unknown),
            "record may or may not have been written",
            "records may or may not have been written",
        );
        let found = |of: fn(&crate::verify::KindVerification) -> u64| {
            self.verification.iter().map(of).sum::<u64>()
        };
        count(
            found(|kind| kind.missing),
            "record is missing from the target",
            "records are missing from the target",
        );
        count(
            found(|kind| kind.different),
            "record differs from what should stand in the target",
            "records differ from what should stand in the target",
        );
        count(
            found(|kind| kind.unexpected),
            "object in the target belongs to no record",
            "objects in the target belong to no record",
        );
        count(
            found(|kind| kind.duplicated),
            "object stands in the target more than once",
            "objects stand in the target more than once",
        );
        let months = self.money.iter().filter(|row| !row.is_balanced()).count();
        count(
            u64::try_from(months).unwrap_or(u64::MAX),
            "month does not balance in money",
            "months do not balance in money",
        );
        let locations = self.stock.iter().filter(|row| !row.units.difference.is_zero()).count();
        count(
            u64::try_from(locations).unwrap_or(u64::MAX),
            "stock location does not balance",
            "stock locations do not balance",
        );
        if self.run.state != "SUCCEEDED" {
            open.push(format!("The run is {}.", self.run.state));
        }
        if self.verification.is_empty() {
            open.push("The target has not been read back yet.".to_owned());
        } else if found(|kind| kind.expected) > found(|kind| kind.compared + kind.missing) {
            open.push("Not every record has been read back yet.".to_owned());
        }
        let (level, headline) = match (wrong.is_empty(), open.is_empty()) {
            (false, _) => (Level::Bad, "Something is not as it should be."),
            (true, false) => {
                (Level::Open, "Nothing wrong was found, but the run is not proven yet.")
            }
            (true, true) => (
                Level::Good,
                "Everything in the source stands in the target, or is listed below with its reason.",
            ),
        };
        wrong.append(&mut open);
        if level == Level::Good {
            wrong = self.proof();
        }
        Verdict { level, headline: headline.to_owned(), points: wrong }
    }

    /// What a good verdict rests on.
    fn proof(&self) -> Vec<String> {
        let records = self.accounting.iter().map(|kind| kind.records).sum::<u64>();
        let fields = self.verification.iter().map(|kind| kind.fields_compared).sum::<u64>();
        let mut points = vec![
            format!("{} records accounted for, unaccounted 0.", grouped(&records.to_string())),
            format!(
                "{} fields read back and compared, no difference.",
                grouped(&fields.to_string())
            ),
        ];
        if !self.money.is_empty() {
            points.push("Revenue, tax, discounts, refunds and shipping balance in every month and currency.".to_owned());
        }
        if !self.stock.is_empty() {
            points.push("Stock balances at every location.".to_owned());
        }
        points
    }
}

fn sentence(number: u64, one: &str, many: &str) -> String {
    format!("{} {}.", grouped(&number.to_string()), if number == 1 { one } else { many })
}

/// A number with a narrow space between thousands; what is no number stays.
pub(super) fn grouped(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("\u{2212}", rest),
        None => ("", number),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(a, b)| (a, Some(b)));
    if whole.is_empty() || !whole.chars().all(|letter| letter.is_ascii_digit()) {
        return number.to_owned();
    }
    let length = whole.chars().count();
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (length - index) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let check = |number: &str, expected: &str| assert_eq!(grouped(number), expected);
        check("7", "7");
        check("1234567.50", "1\u{202f}234\u{202f}567.50");
        check("-1000", "\u{2212}1\u{202f}000");
        check("none", "none");
    }
}
