//! What stands for a personal text: the same for the same text and key, of the same form, and
//! reaching nobody.

use blake3::Hash;

/// Syllables of which names are made.
const SYLLABLES: [&str; 32] = [
    "ba", "bel", "cor", "da", "den", "el", "fa", "fin", "ga", "hal", "is", "jo", "ka", "kel", "lo",
    "lun", "ma", "mir", "na", "nor", "ol", "pe", "ra", "rin", "sa", "sel", "ta", "tor", "u", "va",
    "vin", "za",
];

/// How a personal text is replaced; told by the name of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Email,
    Phone,
    Name,
    FullName,
    Company,
    Street,
    PostalCode,
    Date,
    NetworkAddress,
    Number,
    Text,
    /// Towns, provinces and countries stay: taxes and shipping are tried out by them.
    Keep,
}

impl Manner {
    /// By the last name of a path.
    pub(super) fn of(path: &str) -> Self {
        let name = path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]");
        let name = name.to_lowercase().replace([' ', '-'], "_");
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if has(&["mail"]) {
            Self::Email
        } else if has(&["phone", "mobile", "fax"]) {
            Self::Phone
        } else if has(&["born", "birth"]) {
            Self::Date
        } else if has(&["company"]) || path == "title" {
            Self::Company
        } else if has(&[
            "first_name",
            "middle_name",
            "last_name",
            "given_name",
            "surname",
            "family_name",
        ]) {
            Self::Name
        } else if has(&["name", "author", "actor", "recipient"]) {
            Self::FullName
        } else if has(&[
            "address_1",
            "address_2",
            "address1",
            "address2",
            "line1",
            "line2",
            "more_lines",
            "street",
        ]) {
            Self::Street
        } else if has(&["postal", "postcode", "zip"]) {
            Self::PostalCode
        } else if has(&["network_address", "ip_address"]) || name == "ip" {
            Self::NetworkAddress
        } else if has(&["tax_id", "vat", "tax_number"]) || path.ends_with("tax_ids[].value") {
            Self::Number
        } else if has(&["city", "town", "province", "country", "region", "locale", "currency"])
            || name == "state"
            || name == "source_id"
        {
            Self::Keep
        } else {
            Self::Text
        }
    }
}

/// What stands for a text; `hash` is keyed and of the normalised text.
pub(super) fn replace(manner: Manner, text: &str, hash: &Hash) -> String {
    let bytes = hash.as_bytes();
    let pick = |at: usize| usize::from(bytes.get(at).copied().unwrap_or_default());
    match manner {
        Manner::Keep => text.to_owned(),
        Manner::Email if !is_email(text) => format!("invalid-{}", short(hash, 12)),
        Manner::Email => format!("{}@masked.invalid", short(hash, 20)),
        Manner::Name => name(&pick, 0),
        Manner::FullName => format!("{} {}", name(&pick, 0), name(&pick, 8)),
        Manner::Company => format!("{} Trading", name(&pick, 0)),
        Manner::Street => format!("{} Street {}", name(&pick, 0), pick(9) + 1),
        Manner::Date => "1970-01-01".to_owned(),
        // TEST-NET-1: addresses for documentation, routed nowhere.
        Manner::NetworkAddress => format!("192.0.2.{}", pick(0)),
        Manner::PostalCode => postal_code(text),
        Manner::Phone => digits(text, 2, 3, &pick),
        Manner::Number => digits(text, 0, 0, &pick),
        Manner::Text => format!("masked-{}", short(hash, 12)),
    }
}

fn short(hash: &Hash, length: usize) -> String {
    hash.to_hex().chars().take(length).collect()
}

fn name(pick: &impl Fn(usize) -> usize, from: usize) -> String {
    let text: String = (from..from + 3)
        .filter_map(|at| SYLLABLES.get(pick(at) % SYLLABLES.len()))
        .copied()
        .collect();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Keeps the form and the first digits, then puts zeros, which no exchange has, then others.
fn digits(text: &str, kept: usize, zeros: usize, pick: &impl Fn(usize) -> usize) -> String {
    let mut seen = 0;
    text.chars()
        .map(|letter| {
            if !letter.is_ascii_digit() {
                return letter;
            }
            seen += 1;
            match seen {
                at if at <= kept => letter,
                at if at <= kept + zeros => '0',
                at => char::from_digit(u32::try_from(pick(at % 32) % 10).unwrap_or(0), 10)
                    .unwrap_or('0'),
            }
        })
        .collect()
}

/// Keeps the first half, which names a region, and the form of the rest.
fn postal_code(text: &str) -> String {
    let kept = text.chars().count().div_ceil(2);
    text.chars()
        .enumerate()
        .map(|(index, letter)| match letter {
            _ if index < kept => letter,
            '0'..='9' => '0',
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            other => other,
        })
        .collect()
}

/// Whether a text is one e-mail address, as far as shops check.
pub(super) fn is_email(text: &str) -> bool {
    let text = text.trim();
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && local.chars().all(is_email_letter)
            && domain.contains('.')
            && domain.split('.').all(|label| !label.is_empty())
            && domain.chars().all(|letter| letter.is_alphanumeric() || ".-".contains(letter))
    })
}

fn is_email_letter(letter: char) -> bool {
    letter.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(letter)
}

/// Replaces every e-mail address that stands in a text; none when there is none.
pub(super) fn scrub(text: &str, mut replacement: impl FnMut(&str) -> String) -> Option<String> {
    if !text.contains('@') {
        return None;
    }
    let mut result = String::with_capacity(text.len());
    let mut word = String::new();
    let mut found = false;
    for letter in text.chars().map(Some).chain([None]) {
        if let Some(letter) = letter.filter(|&letter| letter == '@' || is_email_letter(letter)) {
            word.push(letter);
            continue;
        }
        let core = word.trim_matches(['.', '\'', '-', '/', '=', '?', '!', '*', '_', '`', '&', '#']);
        if core.contains('@') && is_email(core) {
            result.push_str(&word.replace(core, &replacement(core)));
            found = true;
        } else {
            result.push_str(&word);
        }
        word.clear();
        result.extend(letter);
    }
    found.then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manner: Manner, text: &str, expected: &str) {
        let hash = blake3::keyed_hash(&[7; 32], text.as_bytes());
        assert_eq!(replace(manner, text, &hash), expected, "{text}");
    }

    #[test]
    fn forms_are_kept_where_shops_check_them() {
        check(Manner::PostalCode, "90210", "90200");
        check(Manner::PostalCode, "SW1A 1AA", "SW1A 0AA");
        check(Manner::Keep, "Berlin", "Berlin");
        check(Manner::Date, "1980-05-06", "1970-01-01");
        let hash = blake3::keyed_hash(&[7; 32], b"x");
        let phone = replace(Manner::Phone, "+49 (170) 123-4567", &hash);
        assert!(phone.starts_with("+49 (000) ") && phone.len() == 18, "{phone}");
    }

    #[test]
    fn addresses_are_found_inside_text() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(scrub(text, |_| "X".to_owned()).as_deref(), expected, "{text}");
        };
        check("no address", None);
        check("at 5 @ home", None);
        check("write to ann@shop.example.", Some("write to X."));
        check("<a href=\"mailto:ann@shop.example\">", Some("<a href=\"mailto:X\">"));
        check("a@b.de, c@d.de", Some("X, X"));
    }

    #[test]
    fn the_manner_follows_the_name() {
        for (path, manner) in [
            ("customer_email", Manner::Email),
            ("shipping_address.address_1", Manner::Street),
            ("addresses[].first_name", Manner::Name),
            ("tax_ids[].value", Manner::Number),
            ("metadata.Note Attributes", Manner::Text),
            ("addresses[].postal_code", Manner::PostalCode),
        ] {
            assert_eq!(Manner::of(path), manner, "{path}");
        }
    }
}
