//! Makes the last part of an address of a title, as Shopify does for handles.

/// Lower-case letters and digits with single hyphens between them.
pub(super) fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_has_letters_digits_and_single_hyphens() {
        assert_eq!(slug("  Summer Sale: 50% off! "), "summer-sale-50-off");
        assert_eq!(slug("Grüße"), "grüße");
    }
}
