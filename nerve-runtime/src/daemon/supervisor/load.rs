//! How much waits for a child that does not read, counted in bytes.

use std::sync::{Arc, Mutex, PoisonError};

use nerve_core::wire::{ToWorker, encode};
use tokio::sync::Notify;

/// Past so many bytes a child counts as clogged.
pub(super) const CLOGGED: usize = 8 * 1024 * 1024;

/// The bytes that wait for one child, before it is ready and while it does not read.
#[derive(Debug, Default)]
pub(super) struct Load {
    count: Mutex<Count>,
    relieved: Notify,
}

#[derive(Debug, Default)]
struct Count {
    bytes: usize,
    clogged: bool,
}

/// Encoded frames on their way. Wherever they end, written or dropped, they no longer count.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    counted: usize,
    load: Arc<Load>,
}

impl Load {
    /// Encodes frames, once, and counts them; one that is too long is left out and named in the log.
    pub(super) fn piece(self: &Arc<Self>, frames: &[ToWorker]) -> Piece {
        let mut piece = Piece { bytes: Vec::with_capacity(1024), counted: 0, load: Arc::clone(self) };
        piece.add(frames);
        piece
    }

    fn more(&self, bytes: usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.bytes += bytes;
        count.clogged |= count.bytes > CLOGGED;
    }

    /// Whether more waits than is good; it stays so until half of it is gone.
    pub(super) fn clogged(&self) -> bool {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).clogged
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.count.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Resolves when it was clogged and is no more.
    pub(super) async fn relieved(&self) {
        self.relieved.notified().await;
    }

    fn less(&self, bytes: usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.bytes -= bytes;
        if count.clogged && count.bytes < CLOGGED / 2 {
            count.clogged = false;
            self.relieved.notify_one();
        }
    }
}

impl Piece {
    /// Encodes more frames and counts them.
    pub(super) fn add(&mut self, frames: &[ToWorker]) {
        let before = self.bytes.len();
        for frame in frames {
            if let Err(error) = encode(frame, &mut self.bytes) {
                tracing::error!(%error, "frame refused");
            }
        }
        let added = self.bytes.len() - before;
        self.counted += added;
        self.load.more(added);
    }

    /// Puts what follows behind it.
    pub(super) fn append(&mut self, mut next: Self) {
        self.bytes.append(&mut next.bytes);
        self.counted += std::mem::take(&mut next.counted);
    }

    /// So many bytes more are with the child.
    pub(super) fn written(&mut self, bytes: usize) {
        let bytes = bytes.min(self.counted);
        self.counted -= bytes;
        self.load.less(bytes);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.load.less(self.counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mebibytes(load: &Arc<Load>, n: usize) -> Vec<Piece> {
        let frame = ToWorker::AskFailed { ask: nerve_core::wire::AskId(0), error: "x".repeat(1024 * 1024) };
        (0..n).map(|_| load.piece(std::slice::from_ref(&frame))).collect()
    }

    #[test]
    fn a_child_is_clogged_past_the_limit_until_half_of_it_is_gone_however_it_goes() {
        let load = Arc::new(Load::default());
        let mut pieces = mebibytes(&load, 7);
        assert!(!load.clogged());
        pieces.extend(mebibytes(&load, 2));
        assert!(load.clogged());
        let mut first = pieces.remove(0);
        first.append(pieces.remove(0));
        let length = first.bytes.len();
        first.written(length);
        drop(first);
        assert!(load.clogged(), "7 of 9 are left");
        pieces.truncate(3);
        assert!(!load.clogged(), "what was dropped does not wait");
        drop(pieces);
        assert_eq!(load.bytes(), 0);
    }
}
