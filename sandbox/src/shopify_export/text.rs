//! Texts: handles, descriptions, broken encodings, barcodes.

use super::random::Dice;
use super::words::SENTENCES;

/// A handle as Shopify makes it: small letters, digits and dashes, accents taken off.
pub(super) fn handle(title: &str, index: usize) -> String {
    let plain: String = title.to_lowercase().chars().map(plain_letter).collect();
    let words: Vec<&str> = plain.split(|sign: char| !sign.is_ascii_alphanumeric()).collect();
    let kept: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    format!("{}-{index}", kept.join("-"))
}

/// The nearest letter without an accent; what has none becomes a blank.
pub(super) fn plain_letter(letter: char) -> char {
    match letter {
        'ä' | 'á' | 'à' | 'â' | 'ã' => 'a',
        'ö' | 'ó' | 'ø' | 'ô' => 'o',
        'ü' | 'ú' | 'û' => 'u',
        'ß' => 's',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ï' => 'i',
        'ñ' => 'n',
        'ç' => 'c',
        other if other.is_ascii() => other,
        _ => ' ',
    }
}

/// A description in HTML, over several lines, with all that makes CSV hard.
pub(super) fn html(title: &str, dice: &mut Dice) -> String {
    let shuffled = dice.shuffled(SENTENCES);
    let count = 2 + dice.below(3);
    let mut text = format!("<p>{title}: {}</p>", shuffled[0]);
    if dice.chance(60) {
        text.push_str("\n<ul>");
        for sentence in shuffled.iter().skip(1).take(count) {
            text.push_str(&format!("\n  <li>{sentence}</li>"));
        }
        text.push_str("\n</ul>");
    } else {
        text.push_str(&format!("\n<p class=\"note\">{}<br>\n{}</p>", shuffled[1], shuffled[2]));
    }
    text
}

/// What UTF-8 looks like after it was read as Latin-1: `ü` becomes `Ã¼`.
pub(super) fn mojibake(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

/// A 13-digit article number with its check digit, unique for every number, from the range 20-29
/// that shops may use as they like.
pub(super) fn barcode(number: usize) -> String {
    let digits = format!("20{number:010}");
    let check = check_digit(&digits);
    format!("{digits}{check}")
}

/// The same article number with a check digit that is wrong.
pub(super) fn wrong_barcode(number: usize) -> String {
    let digits = format!("20{number:010}");
    let check = (check_digit(&digits) + 1) % 10;
    format!("{digits}{check}")
}

fn check_digit(digits: &str) -> u32 {
    let weighted = digits.chars().filter_map(|digit| digit.to_digit(10)).enumerate();
    let sum: u32 = weighted.map(|(place, digit)| digit * (1 + 2 * (place as u32 % 2))).sum();
    (10 - sum % 10) % 10
}

/// `start`, filled up with words to exactly `length` characters.
pub(super) fn overlong(start: &str, length: usize) -> String {
    format!("{start} ").chars().chain("and much more of it ".chars().cycle()).take(length).collect()
}
