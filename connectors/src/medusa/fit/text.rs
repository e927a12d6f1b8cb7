//! Handles and e-mail addresses as Medusa takes them.

use super::super::spec::EMAIL_LENGTH_MAX;

/// Whether Medusa takes a text as the handle of a product: its pattern is lower-case letters,
/// letters without case and numbers in any script, with single hyphens between.
pub(super) fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.split('-').all(|part| !part.is_empty() && part.chars().all(is_slug_character))
}

/// Letters of the scripts whose characters are known to fit the pattern; marks do not.
fn is_slug_character(character: char) -> bool {
    match character {
        'a'..='z' | '0'..='9' => true,
        '\u{345}' | '\u{24d0}'..='\u{24e9}' => false,
        // Hebrew, Arabic, Thai consonants, Japanese syllables, Chinese, Korean.
        '\u{5d0}'..='\u{5ea}'
        | '\u{621}'..='\u{63a}'
        | '\u{641}'..='\u{64a}'
        | '\u{e01}'..='\u{e30}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' => true,
        _ => character.is_lowercase(),
    }
}

/// A handle made of a text: lower case, hyphens between words. None when nothing of it can be
/// kept.
pub(super) fn slug(text: &str) -> Option<String> {
    let mut made = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if is_slug_character(character) {
            made.push(character);
        } else if !matches!(character, '\'' | '’') && !made.is_empty() && !made.ends_with('-') {
            made.push('-');
        }
    }
    let made = made.trim_end_matches('-');
    (!made.is_empty()).then(|| made.to_owned())
}

/// The handle of a record whose texts give none.
pub(super) fn fallback_slug(source_id: &str) -> String {
    let hash = blake3::hash(source_id.as_bytes()).to_hex();
    format!("item-{}", hash.chars().take(12).collect::<String>())
}

/// Whether Medusa takes a text as an e-mail address (the form of its validator, in ASCII).
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_fits = !local.is_empty()
        && !local.starts_with('.')
        && !local.ends_with(['.', '\''])
        && !local.contains("..")
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_'+-.".contains(&byte));
    let labels: Vec<&str> = domain.split('.').collect();
    let domain_fits = labels.len() > 1
        && labels.iter().all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
        && labels.last().is_some_and(|last| {
            last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
    local_fits && domain_fits && text.chars().count() <= EMAIL_LENGTH_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_made_of_what_can_be_kept() {
        let check = |text: &str, expected: Option<&str>| {
            let made = slug(text);
            assert_eq!(made.as_deref(), expected, "{text}");
            assert!(made.is_none_or(|made| is_slug(&made)), "{text}");
        };
        check("Ünï Ça / 50% & more!", Some("ünï-ça-50-more"));
        check("a_b.c--d-", Some("a-b-c-d"));
        check("日本語", Some("日本語"));
        check("!!!", None);
        check("Men’s", Some("mens"));
    }

    #[test]
    fn addresses_are_those_the_validator_takes() {
        for good in ["jane@example.com", "o'neil+x@a-b.example.co", "1@b.io"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "jane",
            "jane@host",
            "a b@c.de",
            "é@c.de",
            "a..b@c.de",
            ".a@c.de",
            "a@c.de.",
            "a@c.1",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
