//! Hides personal data so that evidence can be shown, kept and sent.

/// The first letter and the domain of an e-mail; of anything else the first letter only.
pub(super) fn email(value: &str) -> String {
    match value.trim().rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", text(local), domain.to_lowercase()),
        None => text(value),
    }
}

/// The first letter.
pub(super) fn text(value: &str) -> String {
    let first: String = value.trim().chars().take(1).collect();
    format!("{first}***")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_keeps_its_first_letter_and_its_domain() {
        for (value, expected) in [
            (" Jo.Doe@Example.com ", "J***@example.com"),
            ("@example.com", "***@example.com"),
            ("jo(at)example.com", "j***"),
            ("", "***"),
            ("ülk@example.com", "ü***@example.com"),
        ] {
            assert_eq!(email(value), expected);
        }
    }
}
