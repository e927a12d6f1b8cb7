//! A CSV file being written, row by row, addressed by column name.

use super::Error;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// A CSV file with a fixed heading.
pub(super) struct Table {
    path: std::path::PathBuf,
    writer: csv::Writer<BufWriter<File>>,
    places: HashMap<String, usize>,
    row: Vec<String>,
}

impl Table {
    /// Starts the file and writes its heading.
    pub(super) fn create(path: &Path, columns: &[String]) -> Result<Self, Error> {
        let file = File::create(path).map_err(|source| Error::io(path, source))?;
        let mut writer = csv::WriterBuilder::new().from_writer(BufWriter::new(file));
        writer.write_record(columns)?;
        let places = columns.iter().enumerate().map(|(place, name)| (name.clone(), place));
        Ok(Table {
            path: path.to_owned(),
            writer,
            places: places.collect(),
            row: vec![String::new(); columns.len()],
        })
    }

    /// Sets a cell of the row at hand. A column that this layout does not have is left out: this
    /// is how one generator serves several layouts.
    pub(super) fn set(&mut self, column: &str, value: impl Into<String>) {
        if let Some(place) = self.places.get(column)
            && let Some(cell) = self.row.get_mut(*place)
        {
            *cell = value.into();
        }
    }

    /// Sets several cells of the row at hand.
    pub(super) fn set_all<V: Into<String>>(
        &mut self,
        cells: impl IntoIterator<Item = (&'static str, V)>,
    ) {
        for (column, value) in cells {
            self.set(column, value);
        }
    }

    /// Writes the row at hand and starts an empty one.
    pub(super) fn end_row(&mut self) -> Result<(), Error> {
        self.writer.write_record(&self.row)?;
        self.row.iter_mut().for_each(String::clear);
        Ok(())
    }

    /// Everything to disk.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|source| Error::io(&self.path, source))
    }
}

/// How Shopify writes a truth value in product and order files.
pub(super) fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// How Shopify writes a truth value in customer files and for consents.
pub(super) fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
