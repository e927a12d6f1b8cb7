//! A line between a client and a server that can be cut after any byte, and that can go dead without
//! a word to either side.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A proxy. Its lines go with it.
pub(crate) struct Proxy {
    address: SocketAddr,
    cuts: Arc<AtomicUsize>,
    dead: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Leads to a server. Of each connection it is asked after how many bytes to the client it is to
    /// be cut; every other one is cut without the ceremony that ends a connection.
    pub(crate) async fn start(
        to: &str,
        mut limit: impl FnMut() -> Option<usize> + Send + 'static,
    ) -> Self {
        let to = to.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, dead) = (Arc::new(AtomicUsize::new(0)), watch::Sender::new(false));
        let (counted, dying) = (Arc::clone(&cuts), dead.clone());
        let task = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = TcpStream::connect(&to).await else { continue };
                let (left, cuts) = (limit(), Arc::clone(&counted));
                let dead = dying.subscribe();
                lines.spawn(async move {
                    let cut = carry(&client, server, left, dead).await;
                    if cut && cuts.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
                        client.set_zero_linger().unwrap();
                    }
                });
            }
        });
        Self { address, cuts, dead, task }
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it has cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }

    /// Lets no byte through any more, or lets them through again.
    pub(crate) fn set_dead(&self, dead: bool) {
        self.dead.send_replace(dead);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries bytes both ways until one side ends, or until so many went to the client: true then.
async fn carry(
    client: &TcpStream,
    mut server: TcpStream,
    left: Option<usize>,
    dead: watch::Receiver<bool>,
) -> bool {
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        let (mut dead, mut buffer) = (dead.clone(), vec![0; 16_384]);
        loop {
            client.readable().await?;
            // What is not read stays with whoever sent it.
            let alive = dead.wait_for(|dead| !dead).await;
            drop(alive);
            match client.try_read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => to_server.write_all(&buffer[..count]).await?,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    let down = async {
        let (mut dead, mut buffer) = (dead.clone(), vec![0; 16_384]);
        let mut left = left.unwrap_or(usize::MAX);
        loop {
            let alive = dead.wait_for(|dead| !dead).await;
            drop(alive);
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return Ok(false);
            }
            let mut sending = &buffer[..count.min(left)];
            while !sending.is_empty() {
                client.writable().await?;
                match client.try_write(sending) {
                    Ok(sent) => sending = &sending[sent..],
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            if count >= left {
                return Ok(true);
            }
            left -= count;
        }
    };
    let ended: std::io::Result<bool> = tokio::select! {
        ended = down => ended,
        ended = up => { let ended: std::io::Result<()> = ended; ended.map(|()| false) }
    };
    ended.unwrap_or(false)
}
