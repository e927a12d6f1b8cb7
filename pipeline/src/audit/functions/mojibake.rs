//! Text whose UTF-8 was read as Windows-1252 or Latin-1 and encoded a second time.

/// Whether it holds the traces: a lead byte of two or three as a letter, then a sign that a
/// following byte becomes. `Ã` before a plain letter is Portuguese, not a trace.
pub(super) fn found(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        let traced = match letter {
            'Ã' | 'Â' | 'Ä' | 'Å' => next.is_some_and(follows_only_in_traces),
            'â' => matches!(next, Some('€' | '\u{80}' | '„' | '‚')),
            'ï' => next == Some('»') || next == Some('¿'),
            _ => false,
        };
        if traced {
            return true;
        }
    }
    false
}

/// What the bytes 0x80 to 0xBF are in Windows-1252 and Latin-1.
fn follows_only_in_traces(letter: char) -> bool {
    ('\u{80}'..='\u{bf}').contains(&letter) || "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_told_from_languages() {
        for text in ["GrÃ¼n", "MÃ¼ller", "Itâ€™s", "10Â°C", "CafÃ©", "Å\u{81}Ã³dÅº", "â‚¬ 5"]
        {
            assert!(found(text), "{text}");
        }
        for text in
            ["Grün", "SÃO PAULO", "MAÇÃ", "pâte", "Ânimo", "It’s", "Åland", "Äpfel", "10 °C"]
        {
            assert!(!found(text), "{text}");
        }
    }
}
