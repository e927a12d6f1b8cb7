//! Lists as streams of their items.

use std::collections::VecDeque;

use futures::{Stream, stream};

use crate::{Client, Error, List};

/// All items of a list, page by page as they are taken. The stream ends after the first error.
///
/// ```no_run
/// use cartage_client::{Client, paginate, v1};
/// use futures::TryStreamExt as _;
///
/// # async fn example(client: &Client) -> Result<(), cartage_client::Error> {
/// let request = v1::ListRunsRequest { parent: "accounts/a/migrations/m".into(), ..Default::default() };
/// let mut runs = std::pin::pin!(paginate(client, request));
/// while let Some(run) = runs.try_next().await? {
///     println!("{}", run.name);
/// }
/// # Ok(())
/// # }
/// ```
pub fn paginate<R: List>(
    client: &Client,
    request: R,
) -> impl Stream<Item = Result<R::Item, Error>> + Send + use<R> {
    let pages = Pages { client: client.clone(), next: Some(request), items: VecDeque::new() };
    stream::try_unfold(pages, |mut pages| async move {
        Ok(pages.item().await?.map(|item| (item, pages)))
    })
}

struct Pages<R: List> {
    client: Client,
    /// The request of the next page; none after the last.
    next: Option<R>,
    items: VecDeque<R::Item>,
}

impl<R: List> Pages<R> {
    async fn item(&mut self) -> Result<Option<R::Item>, Error> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(Some(item));
            }
            let Some(mut request) = self.next.take() else { return Ok(None) };
            let (items, token) = R::split(self.client.call(request.clone()).await?);
            self.items = items.into();
            if token.is_empty() {
                continue;
            }
            if token == *request.page_token() {
                let what = format!("{} gave the same page token twice", R::METHOD);
                return Err(Error::Contract(what));
            }
            *request.page_token() = token;
            self.next = Some(request);
        }
    }
}
