//! E-mail addresses and telephone numbers.

/// The form in which two addresses are the same person's. The part before the `@` may in theory
/// tell cases apart; no shop platform does.
pub(super) fn email_key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether mail can be sent to it: RFC 5321 without quoted parts, and a domain with a dot. Blanks
/// around it are another rule's.
pub(super) fn email_valid(text: &str) -> bool {
    let trimmed = text.trim();
    let Some((local, domain)) = trimmed.rsplit_once('@') else { return false };
    let local_ok = (1..=64).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(is_local));
    local_ok && trimmed.len() <= 254 && domain_valid(domain)
}

fn is_local(letter: char) -> bool {
    letter.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(letter)
}

fn domain_valid(domain: &str) -> bool {
    let mut labels = domain.split('.');
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = labels.next_back().unwrap_or_default();
    let last_ok =
        label_ok(last) && last.chars().count() >= 2 && !last.chars().all(char::is_numeric);
    domain.contains('.') && last_ok && labels.all(label_ok)
}

/// Whether it can be dialled: 6 to 15 digits (E.164 has 15 at most) in the usual signs, with an
/// extension at the end where there is one.
pub(super) fn phone_valid(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    let (number, extension) = ["extension", "ext.", "ext", "x", "#"]
        .iter()
        .find_map(|mark| lower.split_once(mark))
        .unwrap_or((&lower, "0"));
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let signs_ok = number.char_indices().all(|(index, letter)| {
        letter.is_ascii_digit()
            || " ()-./\u{a0}\u{2010}\u{2011}\u{2013}".contains(letter)
            || (letter == '+' && index <= 1)
    });
    let extension = extension.trim();
    let extension_ok = (1..=7).contains(&extension.len())
        && extension.chars().all(|letter| letter.is_ascii_digit());
    (6..=15).contains(&digits) && signs_ok && extension_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_shops_are_told_from_mistakes() {
        for text in ["a@b.co", " Jo.Doe+x@Example.COM ", "müller@example.de", "o'neil@x-y.info"] {
            assert!(email_valid(text), "{text}");
        }
        for text in [
            "",
            "anna(at)example.com",
            "a@b",
            "@example.com",
            "a@",
            "a b@example.com",
            "a..b@example.com",
            ".a@example.com",
            "a@-x.com",
            "a@x.com.",
            "a@@x.com",
            "a@x.1",
            "a@x,com",
        ] {
            assert!(!email_valid(text), "{text}");
        }
    }

    #[test]
    fn numbers_are_told_from_words() {
        for text in ["+49 30 1234567", "(030) 123-45 67", "030/1234567", "+1 555 0100 ext. 12"] {
            assert!(phone_valid(text), "{text}");
        }
        for text in ["call me: 12-7 (evenings)", "12345", "", "+49+30 123456", "1234567890123456"] {
            assert!(!phone_valid(text), "{text}");
        }
    }
}
