//! The channel of a model: messages behind a monitor.
//!
//! The edges under shuttle: a message carries its sender's past to its receiver; taking one from a
//! bounded channel carries the receiver's past to the send that uses the freed place; a rendezvous
//! carries both ways; and the thread that learns that the other side is gone knows what all its ends had done
//! when they were dropped.
//!
//! A rendezvous pairs as crossbeam's does: with the longest-waiting counterpart, at the moment the second
//! of the two arrives, so that `try_send` and `try_recv` succeed exactly if a thread waits.
//!
//! Limits: see [`crate::rt::monitor`] for loom. Time does not pass in a model: an operation with a
//! timeout yields once, looks again, and gives up.

use super::transport::{Patience, Refused};
use crate::base::event::EventKind;
use crate::rt::model;
use crate::rt::monitor::{Guard, Monitor};
use crate::rt::past::{self, ObjectId, Token};
use crate::rt::trace::{self, Key};
use crate::thread;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One end, of either kind; the kind is who holds it.
pub(crate) struct Queue<T> {
    capacity: Option<usize>,
    /// Carries what dropped senders had done.
    senders_gone: ObjectId,
    /// Carries what dropped receivers had done.
    receivers_gone: ObjectId,
    /// Messages in the buffer, to look at from outside.
    waiting: AtomicUsize,
    state: Monitor<State<T>>,
}

/// Names one waiting party of a rendezvous.
type Ticket = u64;

struct Parcel<T> {
    ticket: Ticket,
    message: T,
    past: Token,
}

struct State<T> {
    senders: usize,
    receivers: usize,
    buffer: VecDeque<(T, Token)>,
    /// Messages ever put into a bounded buffer.
    sent: u64,
    /// The pasts of those who freed places that no thread has used again.
    freed: VecDeque<Token>,
    tickets: Ticket,
    /// Rendezvous: what waiting senders offer.
    offers: VecDeque<Parcel<T>>,
    /// Rendezvous: offers that were taken, and by whom.
    taken: Vec<(Ticket, Token)>,
    /// Rendezvous: receivers that wait.
    seekers: VecDeque<(Ticket, Token)>,
    /// Rendezvous: what waiting receivers were handed.
    handed: Vec<Parcel<T>>,
}

impl<T> State<T> {
    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    fn take_back(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.offers.iter().position(|offer| offer.ticket == ticket)?;
        self.offers.remove(at).map(|offer| offer.message)
    }

    fn accepted(&mut self, ticket: Ticket) -> bool {
        let at = self.taken.iter().position(|taken| taken.0 == ticket);
        if let Some(at) = at {
            past::receive(&self.taken.swap_remove(at).1);
        }
        at.is_some()
    }

    fn delivered(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.handed.iter().position(|parcel| parcel.ticket == ticket)?;
        let parcel = self.handed.swap_remove(at);
        past::receive(&parcel.past);
        Some(parcel.message)
    }
}

impl<T> Queue<T> {
    /// A channel with one sender and one receiver, and room for `capacity` messages.
    #[track_caller]
    pub(crate) fn new(capacity: Option<usize>) -> Arc<Self> {
        let queue = Arc::new(Self {
            capacity,
            senders_gone: past::new_object(),
            receivers_gone: past::new_object(),
            waiting: AtomicUsize::new(0),
            state: Monitor::new(State {
                senders: 1,
                receivers: 1,
                buffer: VecDeque::new(),
                sent: 0,
                freed: VecDeque::new(),
                tickets: 0,
                offers: VecDeque::new(),
                taken: Vec::new(),
                seekers: VecDeque::new(),
                handed: Vec::new(),
            }),
        });
        trace::made("channel", Key::at(&*queue), None);
        queue
    }

    #[inline]
    #[track_caller]
    fn note(&self, operation: &'static str) {
        trace::note(operation, EventKind::Other, Key::at(self));
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// As [`Queue::len`], and no operation.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Messages in the buffer; those of a rendezvous are never in one.
    pub(crate) fn len(&self) -> usize {
        self.state.enter().buffer.len()
    }

    #[track_caller]
    pub(crate) fn send(&self, message: T, patience: Patience) -> Result<(), (T, Refused)> {
        if self.capacity == Some(0) {
            return self.offer(message, patience);
        }
        let room = self.capacity.unwrap_or(usize::MAX);
        let mut patience = patience;
        trace::begins("send", EventKind::Other, Key::at(self));
        let mut state = self.state.enter();
        loop {
            if state.receivers == 0 {
                past::acquire(self.receivers_gone);
                self.note("send: disconnected");
                return Err((message, Refused::Disconnected));
            }
            if state.buffer.len() < room {
                break;
            }
            match self.pause(state, &mut patience) {
                Some(again) => state = again,
                None => {
                    self.note("send: full");
                    return Err((message, Refused::NotNow));
                }
            }
        }
        if self.capacity.is_some() {
            if state.sent >= room as u64
                && let Some(past) = state.freed.pop_front()
            {
                past::receive(&past);
            }
            state.sent += 1;
        }
        state.buffer.push_back((message, past::token()));
        self.waiting.store(state.buffer.len(), Ordering::Relaxed);
        self.note("send");
        drop(state);
        self.state.notify_all();
        Ok(())
    }

    #[track_caller]
    pub(crate) fn recv(&self, patience: Patience) -> Result<T, Refused> {
        if self.capacity == Some(0) {
            return self.seek(patience);
        }
        let mut patience = patience;
        trace::begins("recv", EventKind::Other, Key::at(self));
        let mut state = self.state.enter();
        let (message, past) = loop {
            // Not asked to give what it does not have, an empty buffer has visibly not changed.
            if !state.buffer.is_empty()
                && let Some(message) = state.buffer.pop_front()
            {
                self.waiting.store(state.buffer.len(), Ordering::Relaxed);
                break message;
            }
            if state.senders == 0 {
                past::acquire(self.senders_gone);
                self.note("recv: disconnected");
                return Err(Refused::Disconnected);
            }
            let Some(again) = self.pause(state, &mut patience) else {
                self.note("recv: empty");
                return Err(Refused::NotNow);
            };
            state = again;
        };
        self.note("recv");
        past::receive(&past);
        if self.capacity.is_some() {
            state.freed.push_back(past::token());
            drop(state);
            self.state.notify_all();
        }
        Ok(message)
    }

    /// Waits for a change as long as `patience` lasts.
    fn pause<'a>(
        &'a self,
        mut state: Guard<'a, State<T>>,
        patience: &mut Patience,
    ) -> Option<Guard<'a, State<T>>> {
        match *patience {
            Patience::Never => None,
            Patience::Forever => {
                state.wait();
                Some(state)
            }
            Patience::Timeout(_) => {
                drop(state);
                thread::yield_now();
                *patience = Patience::Never;
                Some(self.state.enter())
            }
        }
    }

    #[track_caller]
    fn offer(&self, message: T, mut patience: Patience) -> Result<(), (T, Refused)> {
        trace::begins("send", EventKind::Other, Key::at(self));
        let mut state = self.state.enter();
        if state.receivers == 0 {
            past::acquire(self.receivers_gone);
            self.note("send: disconnected");
            return Err((message, Refused::Disconnected));
        }
        if let Some((ticket, past)) = state.seekers.pop_front() {
            past::receive(&past);
            let past = past::token();
            state.handed.push(Parcel { ticket, message, past });
            self.note("send");
            drop(state);
            self.state.notify_all();
            return Ok(());
        }
        if patience == Patience::Never {
            self.note("send: nobody receives");
            return Err((message, Refused::NotNow));
        }
        let (ticket, past) = (state.ticket(), past::token());
        state.offers.push_back(Parcel { ticket, message, past });
        loop {
            let refused = match self.pause(state, &mut patience) {
                Some(again) => {
                    state = again;
                    (state.receivers == 0).then_some(Refused::Disconnected)
                }
                None => {
                    state = self.state.enter();
                    Some(Refused::NotNow)
                }
            };
            if state.accepted(ticket) {
                self.note("send");
                return Ok(());
            }
            if let Some(refused) = refused
                && let Some(message) = state.take_back(ticket)
            {
                if refused == Refused::Disconnected {
                    past::acquire(self.receivers_gone);
                }
                self.note("send: given up");
                return Err((message, refused));
            }
        }
    }

    #[track_caller]
    fn seek(&self, mut patience: Patience) -> Result<T, Refused> {
        trace::begins("recv", EventKind::Other, Key::at(self));
        let mut state = self.state.enter();
        if let Some(offer) = state.offers.pop_front() {
            past::receive(&offer.past);
            state.taken.push((offer.ticket, past::token()));
            self.note("recv");
            drop(state);
            self.state.notify_all();
            return Ok(offer.message);
        }
        if state.senders == 0 {
            past::acquire(self.senders_gone);
            self.note("recv: disconnected");
            return Err(Refused::Disconnected);
        }
        if patience == Patience::Never {
            self.note("recv: nobody sends");
            return Err(Refused::NotNow);
        }
        let ticket = state.ticket();
        state.seekers.push_back((ticket, past::token()));
        loop {
            let refused = match self.pause(state, &mut patience) {
                Some(again) => {
                    state = again;
                    (state.senders == 0).then_some(Refused::Disconnected)
                }
                None => {
                    state = self.state.enter();
                    Some(Refused::NotNow)
                }
            };
            if let Some(message) = state.delivered(ticket) {
                self.note("recv");
                return Ok(message);
            }
            if let Some(refused) = refused {
                state.seekers.retain(|seeker| seeker.0 != ticket);
                if refused == Refused::Disconnected {
                    past::acquire(self.senders_gone);
                }
                self.note("recv: given up");
                return Err(refused);
            }
        }
    }

    pub(crate) fn add_sender(&self) {
        self.state.enter().senders += 1;
    }

    pub(crate) fn add_receiver(&self) {
        self.state.enter().receivers += 1;
    }

    /// A sender is dropped.
    pub(crate) fn drop_sender(self: &Arc<Self>) {
        self.depart(|queue, _| {
            past::release(queue.senders_gone);
            queue.state.enter().senders -= 1;
            queue.state.notify_all();
        });
    }

    /// A receiver is dropped; with the last one go the messages that no thread will receive.
    pub(crate) fn drop_receiver(self: &Arc<Self>) {
        self.depart(|queue, unwinding| {
            past::release(queue.receivers_gone);
            let mut state = queue.state.enter();
            state.receivers -= 1;
            let lost = match state.receivers {
                0 => {
                    queue.waiting.store(0, Ordering::Relaxed);
                    std::mem::take(&mut state.buffer)
                }
                _ => VecDeque::new(),
            };
            drop(state);
            queue.state.notify_all();
            if unwinding {
                return std::mem::forget(lost);
            }
            for (message, past) in lost {
                past::receive(&past);
                drop(message);
            }
        });
    }

    fn depart(self: &Arc<Self>, leave: fn(&Self, bool)) {
        if !self.state.is_here() {
            return;
        }
        let unwinding = std::thread::panicking();
        if !unwinding {
            return leave(self, false);
        }
        let queue = self.clone();
        let action: Box<dyn FnOnce() + '_> = Box::new(move || {
            leave(&queue, true);
            if Arc::strong_count(&queue) == 1 {
                std::mem::forget(queue);
            }
        });
        // SAFETY: only the lifetime changes, of what messages may borrow. If the action runs later than
        // now, that may have ended; but the action neither looks at messages nor drops them.
        let action = unsafe { std::mem::transmute::<Box<dyn FnOnce() + '_>, Box<dyn FnOnce()>>(action) };
        model::when_settled(action);
    }
}
