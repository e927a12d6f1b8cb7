//! Whether the tags of a text open and close in pairs.

/// Elements without an end tag (HTML Standard, section 13.1.2).
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];
/// Elements whose end tag may be left out.
const END_OPTIONAL: [&str; 13] = [
    "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "colgroup", "rt",
];

/// The first thing that is wrong with the tags, none when nothing is.
pub(super) fn problem(text: &str) -> Option<String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('<') {
        if let Some(comment) = behind.strip_prefix("!--") {
            let Some((_, after)) = comment.split_once("-->") else {
                return Some("a comment is not closed".to_owned());
            };
            rest = after;
            continue;
        }
        let is_tag = behind.starts_with(|letter: char| {
            letter.is_ascii_alphabetic() || letter == '/' || letter == '!'
        });
        if !is_tag {
            rest = behind;
            continue;
        }
        let Some((tag, after)) = split_tag(behind) else {
            return Some("a tag has no end".to_owned());
        };
        rest = after;
        if let Some(problem) = take(tag, &mut open) {
            return Some(problem);
        }
        // What a script or style holds is not HTML.
        if let Some(name) = open.last().filter(|name| matches!(name.as_str(), "script" | "style"))
            && let Some(at) = rest.to_ascii_lowercase().find(&format!("</{name}"))
        {
            rest = rest.get(at..).unwrap_or_default();
        }
    }
    open.iter()
        .find(|name| !END_OPTIONAL.contains(&name.as_str()))
        .map(|name| format!("<{name}> is not closed"))
}

/// The inside of a tag, and what follows it. A `>` in a quoted value does not end it.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (index, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '>') => {
                let after = text.get(index + 1..)?;
                return Some((text.get(..index)?, after));
            }
            (None, '"' | '\'') => quote = Some(letter),
            (Some(mark), letter) if mark == letter => quote = None,
            _ => {}
        }
    }
    None
}

fn take(tag: &str, open: &mut Vec<String>) -> Option<String> {
    let is_end = tag.starts_with('/');
    let name: String = tag
        .trim_start_matches('/')
        .chars()
        .take_while(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | ':'))
        .collect::<String>()
        .to_ascii_lowercase();
    if name.is_empty() || VOID.contains(&name.as_str()) || (!is_end && tag.ends_with('/')) {
        return None;
    }
    if !is_end {
        open.push(name);
        return None;
    }
    while let Some(top) = open.pop() {
        if top == name {
            return None;
        }
        if !END_OPTIONAL.contains(&top.as_str()) {
            return Some(format!("<{top}> is not closed before </{name}>"));
        }
    }
    Some(format!("</{name}> was never opened"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_followed() {
        for text in [
            "",
            "plain < text & more",
            "<p>One<p>Two",
            "<ul><li>a<li>b</ul>",
            "<br>a<br/>",
            "<!-- <b> --><i>x</i>",
            "<a title=\"a > b\">x</a>",
            "<svg/><IMG src=x>",
            "<script>if (a<b) { x() }</script>",
            "<!DOCTYPE html><p>x</p>",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
        for (text, expected) in [
            ("<div><b>x</div>", "<b> is not closed before </div>"),
            ("<strong>x", "<strong> is not closed"),
            ("x</em>", "</em> was never opened"),
            ("<p>x</p><a href='x", "a tag has no end"),
            ("<!-- x", "a comment is not closed"),
        ] {
            assert_eq!(problem(text).as_deref(), Some(expected), "{text}");
        }
    }
}
