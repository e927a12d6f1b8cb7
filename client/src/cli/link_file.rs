//! Files of links, read.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
};

use cartage_client::v1;
use serde_json::{Map, Value};

use super::{Failure, links::FileFormat, value};

/// The columns of a file, and the fields of a line. What an export says besides is passed over.
const FIELDS: [(&str, &str); 8] = [
    ("kind", "kind"),
    ("source_id", "sourceId"),
    ("parent_source_id", "parentSourceId"),
    ("role", "role"),
    ("target_id", "targetId"),
    ("run", "run"),
    ("source_admin_url", "sourceAdminUrl"),
    ("target_admin_url", "targetAdminUrl"),
];

/// A link and the line it begins in.
pub(crate) type Line = (u64, v1::ImportedRecordLink);

/// Reads all links of a file.
pub(crate) fn read(path: &Path, format: FileFormat) -> Result<Vec<Line>, Failure> {
    let input: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(|error| Failure::file(path, error))?),
    };
    let read = match format {
        FileFormat::Csv => read_csv(input),
        FileFormat::Jsonl => read_json_lines(input),
    };
    read.map_err(|problem| Failure::Usage(format!("{}: {problem}", path.display())))
}

fn read_csv(mut input: impl Read) -> Result<Vec<Line>, String> {
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(|error| error.to_string())?;
    // With both characters at the end of a line, csv gives each row the number of the line before.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let titles = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut columns = Vec::new();
    for title in &titles {
        let title = title.trim_start_matches('\u{feff}').trim();
        columns.push(known(title, |(column, _)| column)?);
    }
    for needed in ["kind", "source_id", "target_id"] {
        if !columns.contains(&needed) {
            return Err(format!("the column {needed} is missing"));
        }
    }
    let mut links = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let at = row.position().map_or(0, csv::Position::line);
        let mut link = v1::ImportedRecordLink::default();
        for (column, text) in columns.iter().zip(&row) {
            set(&mut link, column, text).map_err(|problem| format!("line {at}: {problem}"))?;
        }
        links.push((at, link));
    }
    Ok(links)
}

fn read_json_lines(input: impl Read) -> Result<Vec<Line>, String> {
    let mut links = Vec::new();
    for (at, text) in (1..).zip(BufReader::new(input).lines()) {
        let text = text.map_err(|error| error.to_string())?;
        if text.trim().is_empty() {
            continue;
        }
        let link = json_line(&text).map_err(|problem| format!("line {at}: {problem}"))?;
        links.push((at, link));
    }
    Ok(links)
}

fn json_line(text: &str) -> Result<v1::ImportedRecordLink, String> {
    let fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut link = v1::ImportedRecordLink::default();
    for (field, value) in &fields {
        let Value::String(text) = value else { return Err(format!("{field} is no text")) };
        set(&mut link, known(field, |(_, field)| field)?, text)?;
    }
    Ok(link)
}

/// The column that a title or a field means.
fn known(
    title: &str,
    of: impl Fn((&'static str, &'static str)) -> &'static str,
) -> Result<&'static str, String> {
    let found = FIELDS.into_iter().find(|field| of(*field) == title);
    found.map(|(column, _)| column).ok_or_else(|| {
        let all = FIELDS.map(of).join(", ");
        format!("{title:?} is not known here; there are {all}")
    })
}

fn set(link: &mut v1::ImportedRecordLink, column: &str, text: &str) -> Result<(), String> {
    match column {
        "kind" => link.kind = value::kind(text)?.into(),
        "source_id" => text.clone_into(&mut link.source_id),
        "parent_source_id" => text.clone_into(&mut link.parent_source_id),
        "role" => text.clone_into(&mut link.role),
        "target_id" => text.clone_into(&mut link.target_id),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> v1::ImportedRecordLink {
        v1::ImportedRecordLink {
            kind: v1::RecordKind::Customer.into(),
            source_id: "a,\"b\"".to_owned(),
            target_id: "cus_1".to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn both_forms_are_read_with_their_lines() {
        let csv = "\u{feff}kind,source_id,target_id,run\r\nCUSTOMER,\"a,\"\"b\"\"\",cus_1,x\r\n";
        assert_eq!(read_csv(csv.as_bytes()).unwrap(), [(2, customer())]);
        let json =
            "\n{\"kind\":\"customer\",\"sourceId\":\"a,\\\"b\\\"\",\"targetId\":\"cus_1\"}\n";
        assert_eq!(read_json_lines(json.as_bytes()).unwrap(), [(2, customer())]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, problem) in [
            ("kind,source_id\n", "target_id is missing"),
            ("kind,source_id,target\n", "\"target\" is not known"),
            ("kind,source_id,target_id\nproduct,a,b\nprodct,a,b\n", "line 3: not a kind"),
        ] {
            let error = read_csv(text.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        for (text, problem) in
            [("{\"target_id\":\"x\"}", "not known"), ("{\"kind\":1}", "no text"), ("x", "line 1")]
        {
            let error = read_json_lines(text.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
