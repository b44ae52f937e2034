//! Both directions of a child's channel, neither of which can fill the daemon's memory.

use std::sync::Arc;

use nerve_core::wire::{FrameReader, ToDaemon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::load::Piece;

/// How many chunks of one child's frames may be under way at once; past it, only that child's channel is not read.
pub(super) const CHUNKS: usize = 16;

/// The most that is read at once; what is longer, such as one long frame, counts as several chunks.
const CHUNK: usize = 64 * 1024;

/// How much of what waits for a child goes out in one write.
const BATCH: usize = 256 * 1024;

/// Frames of one child in the order in which it wrote them.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The frames.
    pub list: Vec<ToDaemon>,
    /// Held until they were taken in.
    pub place: Place,
}

/// A place among the chunks under way. Dropping it lets the child's channel be read on.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// What came over the channel.
#[derive(Debug)]
pub(super) enum Heard {
    Frames(Frames),
    /// The channel cannot be trusted any more.
    Broken(String),
    /// Nothing will follow, or nothing can be said any more.
    End,
}

/// Writes what it is given until the child is gone or reads no more.
pub(super) async fn write(mut to: OwnedWriteHalf, mut outbox: mpsc::UnboundedReceiver<Piece>, tell: mpsc::UnboundedSender<Heard>) {
    while let Some(mut piece) = outbox.recv().await {
        while piece.bytes.len() < BATCH
            && let Ok(more) = outbox.try_recv()
        {
            piece.append(more);
        }
        let mut from = 0;
        while from < piece.bytes.len() {
            match to.write(&piece.bytes[from..]).await {
                Ok(n @ 1..) => {
                    piece.written(n);
                    from += n;
                }
                Ok(0) | Err(_) => {
                    let _ = tell.send(Heard::End);
                    return;
                }
            }
        }
    }
}

/// Reads frames until the channel ends. `tell` needs no bound of its own: each chunk in it holds a place.
pub(super) async fn read(mut from: OwnedReadHalf, tell: mpsc::UnboundedSender<Heard>) {
    let places = Arc::new(Semaphore::new(CHUNKS));
    let mut reader = FrameReader::default();
    let mut bytes = vec![0; CHUNK];
    // Bytes that were read for the frames at hand.
    let mut size = 0;
    loop {
        let n = from.read(&mut bytes).await.unwrap_or(0);
        if n == 0 {
            let _ = tell.send(Heard::End);
            return;
        }
        size += n;
        reader.push(&bytes[..n]);
        let mut list = Vec::new();
        let broken = loop {
            match reader.next_frame::<ToDaemon>() {
                Ok(Some(Ok(frame))) => list.push(frame),
                Ok(Some(Err(kind))) => tracing::warn!(kind, "frame of unknown kind ignored"),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if !list.is_empty() {
            let wanted = u32::try_from(std::mem::take(&mut size).div_ceil(CHUNK).min(CHUNKS)).unwrap_or(1);
            // The semaphore is never closed.
            let permit = Arc::clone(&places).acquire_many_owned(wanted).await.ok();
            if tell.send(Heard::Frames(Frames { list, place: Place { _permit: permit } })).is_err() {
                return;
            }
        }
        if let Some(error) = broken {
            let _ = tell.send(Heard::Broken(error));
            return;
        }
    }
}
