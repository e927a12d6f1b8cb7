//! One HTTP/2 connection without a gRPC library, for what such a library would do on its own: keep to
//! a deadline, count its streams, leave a connection that grows old.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{Connection, SendRequest};
use http::HeaderMap;
use prost::Message;
use tokio::{net::TcpStream, task::JoinHandle};
use tonic::Status;

use crate::support::{Server, soon};

/// A connection to a server.
pub(crate) struct Wire {
    sender: SendRequest<Bytes>,
    authority: String,
    /// Ends when the connection does.
    pub(crate) ended: JoinHandle<Result<(), h2::Error>>,
}

impl Wire {
    /// Connects.
    pub(crate) async fn connect(server: &Server) -> Self {
        let authority = server.uri.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&authority).await.unwrap();
        let (sender, connection): (_, Connection<TcpStream>) =
            h2::client::handshake(stream).await.unwrap();
        Self { sender, authority, ended: tokio::spawn(connection) }
    }

    /// How many streams the server lets this connection have.
    pub(crate) fn streams_max(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Makes a call that must be refused, with these headers besides those of gRPC.
    pub(crate) async fn refused(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        message: &impl Message,
    ) -> Status {
        let mut request = http::Request::post(format!("http://{}{path}", self.authority))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(message.encoded_len().try_into().unwrap());
        message.encode(&mut body).unwrap();
        let mut sender = self.sender.clone().ready().await.unwrap();
        let (answer, mut sending) = sender.send_request(request.body(()).unwrap(), false).unwrap();
        // Who is refused by the head alone may be answered before the body is sent.
        drop(sending.send_data(body.freeze(), true));
        let answer = soon(answer).await.unwrap();
        status(answer.headers())
    }
}

/// The status that stands in headers.
fn status(headers: &HeaderMap) -> Status {
    Status::from_header_map(headers).expect("a refusal stands in the head of its answer")
}
