//! What every command needs: the client, the account, and where to print.

use cartage_client::{Client, ClientBuilder, Unary, json::Document, name::Pattern, token};

use super::{Failure, Global, output::Output, progress::Progress};

/// See the module.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) output: Output,
    account: Option<String>,
    show_progress: bool,
}

impl Context {
    /// Connects as the global options say.
    pub(crate) async fn connect(global: &Global) -> Result<Self, Failure> {
        let token = match &global.token_file {
            Some(path) => {
                std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?
            }
            None => global.token.clone().unwrap_or_default(),
        };
        let client = ClientBuilder::new(&global.server)
            .token(&token)
            .user_agent(concat!("cartage/", env!("CARGO_PKG_VERSION")))
            .connect()
            .await?;
        Ok(Self {
            client,
            output: Output { json: global.json },
            account: global.account.clone().or_else(|| token::account(&token)),
            show_progress: !global.no_progress,
        })
    }

    /// The id of the account.
    pub(crate) fn account(&self) -> Result<&str, Failure> {
        let missing = "which account? The token does not say; give --account";
        self.account.as_deref().ok_or_else(|| Failure::Usage(missing.to_owned()))
    }

    /// `accounts/{account}`.
    pub(crate) fn parent(&self) -> Result<String, Failure> {
        Ok(format!("accounts/{}", self.account()?))
    }

    /// The full name of what was written on the command line.
    pub(crate) fn name(&self, pattern: Pattern, text: &str) -> Result<String, Failure> {
        let account = if text.starts_with("accounts/") { "" } else { self.account()? };
        Ok(pattern.complete(account, text)?)
    }

    /// The full names of several.
    pub(crate) fn names(&self, pattern: Pattern, texts: &[String]) -> Result<Vec<String>, Failure> {
        texts.iter().map(|text| self.name(pattern, text)).collect()
    }

    /// Calls, and prints what comes back.
    pub(crate) async fn show<R>(&self, request: R) -> Result<(), Failure>
    where
        R: Unary,
        R::Response: Document,
    {
        let response = self.client.call(request).await?;
        self.output.document(&response)
    }

    /// Where progress is shown.
    pub(crate) fn progress(&self) -> Progress {
        Progress::new(self.show_progress && !self.output.json)
    }
}
