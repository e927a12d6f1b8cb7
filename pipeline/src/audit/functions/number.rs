//! Decimal numbers as people read them.

/// Without the zeros that the column's scale adds; a fraction keeps two decimals.
pub(super) fn plain(text: &str) -> String {
    let Some((whole, fraction)) = text.split_once('.') else { return text.to_owned() };
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction:0<2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_of_the_column_are_left_out() {
        for (text, expected) in
            [("19.90000000", "19.90"), ("-3.00000000", "-3"), ("0.12345000", "0.12345"), ("7", "7")]
        {
            assert_eq!(plain(text), expected);
        }
    }
}
