//! `cargo xtask states`: the diagrams of states in ARCHITECTURE.md, drawn from the engine's tables.

use std::{collections::BTreeMap, fmt::Debug, fs, path::Path};

use anyhow::{Context, Result, ensure};
use cartage_engine::{
    migration::{self, MigrationEvent, MigrationState},
    run::{RunEvent, RunState},
};
use clap::Args;

/// The document with the diagrams.
const DOCUMENT: &str = "ARCHITECTURE.md";

/// What to do.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Fails where the document is not as it would be written, and writes nothing.
    #[arg(long)]
    check: bool,
}

/// Draws the diagrams, or looks whether they are as they would be drawn.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let path = root.join(DOCUMENT);
    let before = fs::read_to_string(&path).context(DOCUMENT)?;
    let after = drawn(&before)?;
    if options.check {
        ensure!(is_current(root)?, "{DOCUMENT}: the states have changed; run `cargo xtask states`");
    } else if after != before {
        fs::write(&path, after).context(DOCUMENT)?;
        println!("states: {DOCUMENT} is drawn anew");
        return Ok(());
    }
    println!("states: {DOCUMENT} shows what the engine does");
    Ok(())
}

/// Whether the document shows what the engine does.
pub(crate) fn is_current(root: &Path) -> Result<bool> {
    let text = fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    Ok(drawn(&text)? == text)
}

fn drawn(document: &str) -> Result<String> {
    let runs = diagram(&RunState::ALL, &RunEvent::ALL, RunState::as_str, |state, event| {
        state.next(event).ok().flatten()
    });
    let migrations = diagram(
        &MigrationState::ALL,
        &MigrationEvent::ALL,
        MigrationState::as_str,
        |state, event| migration::next(state, event).ok(),
    );
    let document = replaced(document, "run", &runs)?;
    replaced(&document, "migration", &migrations)
}

/// A Mermaid diagram: an arrow for each pair of states, with the events that lead there. What leaves
/// a state as it is has none.
fn diagram<S: Copy + PartialEq, E: Copy + Debug>(
    states: &[S],
    events: &[E],
    name: impl Fn(S) -> &'static str,
    next: impl Fn(S, E) -> Option<S>,
) -> String {
    let mut lines = vec!["```mermaid".to_owned(), "stateDiagram-v2".to_owned()];
    lines.extend(states.first().map(|first| format!("    [*] --> {}", name(*first))));
    for from in states {
        let mut arrows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for event in events {
            let Some(to) = next(*from, *event).filter(|to| to != from) else { continue };
            let place = states.iter().position(|state| *state == to).unwrap_or_default();
            arrows.entry(place).or_default().push(format!("{event:?}"));
        }
        for (place, events) in arrows {
            let Some(to) = states.get(place) else { continue };
            lines.push(format!("    {} --> {}: {}", name(*from), name(*to), events.join(", ")));
        }
    }
    lines.push("```\n".to_owned());
    lines.join("\n")
}

/// The document with another text between the two marks of a name.
fn replaced(document: &str, name: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- states of a {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) =
        document.split_once(&begin).with_context(|| format!("{DOCUMENT} has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{DOCUMENT} has no {end}"))?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_is_drawn_once_for_all_events_and_none_back_to_itself() {
        let next = |state: u8, event: char| match (state, event) {
            (0, 'a' | 'b') => Some(1),
            (1, 'a') => Some(1),
            (1, 'c') => Some(0),
            _ => None,
        };
        let name = |state: u8| ["OFF", "ON"][usize::from(state)];
        let text = diagram(&[0, 1], &['a', 'b', 'c'], name, next);
        let lines: Vec<&str> = text.lines().collect();
        let arrows = ["    [*] --> OFF", "    OFF --> ON: 'a', 'b'", "    ON --> OFF: 'c'"];
        assert_eq!(lines[2..5], arrows);
        let document = "x\n<!-- states of a lamp -->\nold\n<!-- end: lamp -->\ny\n";
        let replaced = replaced(document, "lamp", "new\n").unwrap();
        assert_eq!(replaced, document.replace("old", "new"));
    }
}
