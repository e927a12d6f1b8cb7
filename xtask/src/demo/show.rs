//! What a person sees while the demo walks.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use cartage_client::wait::Update;
use indicatif::{ProgressBar, ProgressStyle};

/// Shows one stage after the other: a bar on a terminal, lines elsewhere.
pub(crate) struct Shown {
    bar: ProgressBar,
    title: String,
    began: Instant,
    told: Instant,
    terminal: bool,
}

impl Shown {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, title: String::new(), began: Instant::now(), told: Instant::now(), terminal }
    }

    /// A stage begins.
    pub(crate) fn stage(&mut self, title: &str) {
        title.clone_into(&mut self.title);
        self.began = Instant::now();
        self.told = Instant::now();
        self.bar.set_message(format!("{title} …"));
    }

    /// News of the work under way.
    pub(crate) fn update(&mut self, update: Update) {
        let Update::Progress(progress) = update else { return };
        let line = line(&progress);
        self.bar.set_message(format!("{}: {line}", self.title));
        if !self.terminal && self.told.elapsed() > Duration::from_secs(10) {
            self.told = Instant::now();
            println!("    … {line}");
        }
    }

    /// The stage is done.
    pub(crate) fn done(&mut self, result: &str) {
        let line = format!("✓ {} — {result} ({:.1?})", self.title, self.began.elapsed());
        if self.terminal {
            self.bar.suspend(|| println!("{line}"));
        } else {
            println!("{line}");
        }
        self.bar.set_message("");
    }
}

fn line(progress: &cartage_client::v1::Progress) -> String {
    let total = progress.total.map_or_else(String::new, |total| format!(" of {total}"));
    let rate = progress.rate_per_second;
    let rate = if rate > 0.0 { format!(", {rate:.0}/s") } else { String::new() };
    let eta =
        progress.eta.as_ref().map_or_else(String::new, |eta| format!(", {} s left", eta.seconds));
    format!("{} {}{total}{rate}{eta}", progress.activity, progress.done)
}
