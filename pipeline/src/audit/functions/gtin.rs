//! The check digit of article numbers on packages (GS1 General Specifications, section 7.9).

/// Whether it is a GTIN-8, -12, -13 or -14, or an ISBN-10, with the right check digit. Blanks and
/// hyphens are how they are printed.
pub(super) fn valid(text: &str) -> bool {
    let signs: Vec<char> =
        text.trim().chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
    let digits: Option<Vec<u32>> = signs.iter().map(|letter| letter.to_digit(10)).collect();
    match (digits, signs.len()) {
        (Some(digits), 8 | 12 | 13 | 14) => {
            let sum: u32 = digits.iter().rev().zip([1, 3].iter().cycle()).map(|(d, w)| d * w).sum();
            sum.is_multiple_of(10) && digits.iter().any(|digit| *digit > 0)
        }
        (_, 10) => isbn_10(&signs),
        _ => false,
    }
}

fn isbn_10(signs: &[char]) -> bool {
    let value = |(index, letter): (usize, &char)| match letter {
        'X' | 'x' if index == 9 => Some(10),
        digit => digit.to_digit(10),
    };
    let values: Option<Vec<u32>> = signs.iter().enumerate().map(value).collect();
    values.is_some_and(|values| {
        let sum: u32 =
            values.iter().zip((1..=10).rev()).map(|(digit, weight)| digit * weight).sum();
        sum.is_multiple_of(11)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked() {
        for text in [
            "4006381333931",
            "036000291452",
            "96385074",
            "978-3-16-148410-0",
            "0-306-40615-2",
            "080442957X",
        ] {
            assert!(valid(text), "{text}");
        }
        for text in ["4006381333932", "036000291453", "12345", "abc", "", "00000000", "0306406153"]
        {
            assert!(!valid(text), "{text}");
        }
    }
}
