//! A category as the exports write it: the titles from the root down, with `>` between them.

/// The path with single ` > ` between its titles; empty parts left out.
pub(super) fn normalised(text: &str) -> String {
    let titles = text.split('>').map(str::trim).filter(|title| !title.is_empty());
    titles.collect::<Vec<_>>().join(SEPARATOR)
}

/// The paths above a normalised one, the root first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices(SEPARATOR).filter_map(|(end, _)| path.get(..end))
}

/// The path above a normalised one, and its own title.
pub(super) fn parent_and_title(path: &str) -> (Option<&str>, &str) {
    match path.rsplit_once(SEPARATOR) {
        Some((parent, title)) => (Some(parent), title),
        None => (None, path),
    }
}

const SEPARATOR: &str = " > ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_parents_from_the_root_down() {
        let path = normalised(" Home &  Garden>Lighting  >Lamps > ");
        assert_eq!(path, "Home &  Garden > Lighting > Lamps");
        let above: Vec<_> = ancestors(&path).collect();
        assert_eq!(above, ["Home &  Garden", "Home &  Garden > Lighting"]);
        assert_eq!(parent_and_title(&path), (Some("Home &  Garden > Lighting"), "Lamps"));
    }
}
