//! Reading once what many ask for at the same time, such as the watchers of one migration.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync;

use crate::error::Result;

/// Reads of one sort, by what is read.
///
/// Whoever asks is given what a read found that began after the question: what was committed before is
/// in it. Of those who ask while a read is under way, one reads when it has ended, and the others are
/// given what that one found.
#[derive(Debug)]
pub struct Shared<K, V> {
    places: Mutex<HashMap<K, Weak<Place<V>>>>,
}

/// One thing that is read.
#[derive(Debug)]
struct Place<V> {
    /// How many have asked.
    asked: AtomicU64,
    turn: sync::Mutex<Turn<V>>,
}

/// What the last read found.
#[derive(Debug)]
struct Turn<V> {
    /// It began after so many had asked.
    served: u64,
    found: Option<Arc<V>>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self { places: Mutex::default() }
    }
}

impl<K: Clone + Eq + Hash, V> Shared<K, V> {
    /// What is read there, by this caller or by another one.
    ///
    /// # Errors
    /// What the read gives; the others read for themselves then.
    pub async fn read<R: Future<Output = Result<V>>>(
        &self,
        key: K,
        read: impl FnOnce() -> R,
    ) -> Result<Arc<V>> {
        let place = self.place(key);
        let question = place.asked.fetch_add(1, Ordering::SeqCst);
        let mut turn = place.turn.lock().await;
        if turn.served > question
            && let Some(found) = &turn.found
        {
            return Ok(Arc::clone(found));
        }
        let served = place.asked.load(Ordering::SeqCst);
        // Large, and needed by one of many: those who are given what it finds do not carry it about.
        let found = Arc::new(Box::pin(read()).await?);
        *turn = Turn { served, found: Some(Arc::clone(&found)) };
        Ok(found)
    }

    fn place(&self, key: K) -> Arc<Place<V>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&key).and_then(Weak::upgrade) {
            return place;
        }
        // Nobody reads there any more, nor at others: what is kept are those that are read now.
        if places.len() >= places.capacity() {
            places.retain(|_, place| place.strong_count() > 0);
        }
        let turn = sync::Mutex::new(Turn { served: 0, found: None });
        let place = Arc::new(Place { asked: AtomicU64::new(0), turn });
        places.insert(key, Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::{error::Error, reason::Reason};

    #[tokio::test]
    async fn many_who_ask_at_once_share_what_was_read_after_they_asked() {
        let shared = Shared::<u8, usize>::default();
        let (reads, gate) = (AtomicUsize::new(0), sync::Semaphore::new(0));
        let read = || async {
            let number = reads.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            Ok(number)
        };
        // The first reads; ten more ask meanwhile, and need a read that began after their question.
        let first = shared.read(1, &read);
        let others = futures::future::join_all((0..10).map(|_| shared.read(1, &read)));
        let elsewhere = shared.read(2, &read);
        let open = async { gate.add_permits(3) };
        let (first, others, elsewhere, ()) = tokio::join!(first, others, elsewhere, open);
        assert_eq!(*first.unwrap(), 0);
        let others: Vec<usize> = others.into_iter().map(|found| *found.unwrap()).collect();
        assert!(others.iter().all(|found| *found == others[0] && *found > 0), "{others:?}");
        assert_ne!(*elsewhere.unwrap(), others[0]);
        assert_eq!(reads.load(Ordering::SeqCst), 3);
        // Who asks later reads anew.
        gate.add_permits(1);
        assert_eq!(*shared.read(1, &read).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn an_error_is_that_of_the_one_who_read() {
        let shared = Shared::<u8, u8>::default();
        let fails = async || Err(Error::new(Reason::Contention, "once"));
        let (failed, read) = tokio::join!(shared.read(1, fails), shared.read(1, async || Ok(7)));
        assert!(failed.is_err());
        assert_eq!(*read.unwrap(), 7);
    }

    #[tokio::test]
    async fn nothing_is_kept_that_nobody_reads() {
        let shared = Shared::<u32, u32>::default();
        for key in 0..1_000 {
            shared.read(key, async || Ok(key)).await.unwrap();
        }
        assert!(shared.places.lock().unwrap().len() < 100);
    }
}
