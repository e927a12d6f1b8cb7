//! The methods of the API as traits of their requests: each request type belongs to one method, so a
//! request says by itself where it goes and what comes back.

use std::future::Future;

use crate::Client;

mod lists;
mod table;

/// A request of a unary method. See [`Client::call`].
pub trait Unary: Clone + Send + Sync + 'static {
    /// What comes back.
    type Response: Send + 'static;

    /// The name of the method in snake case.
    const METHOD: &'static str;

    /// The request id, in the methods that have one: all that change something, but
    /// `WriteUploadChunk`, which is idempotent by its offset.
    fn request_id(&mut self) -> Option<&mut String>;

    /// Sends it, once.
    fn send(
        self,
        client: &Client,
    ) -> impl Future<Output = Result<Self::Response, tonic::Status>> + Send;
}

/// A request whose answer comes in pages. See [`paginate`](crate::paginate()).
pub trait List: Unary {
    /// One of what is listed.
    type Item: Send + 'static;

    /// Where the token of the page goes.
    fn page_token(&mut self) -> &mut String;

    /// Where the size of a page goes.
    fn page_size(&mut self) -> &mut i32;

    /// The items of a page, and the token of the next one; empty on the last.
    fn split(response: Self::Response) -> (Vec<Self::Item>, String);
}
