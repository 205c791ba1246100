//! A machine small enough to be explored twice: by the search, and by brute force over its states.
//!
//! Tasks step through lists of instructions; a step is one operation and whatever follows it without an
//! operation, as under shuttle.

use crate::base::operation::{Effect, Kind, ObjectId, Operation};

/// Objects are numbered by kind, a hundred numbers each.
const MUTEX: u32 = 200;
const RWLOCK: u32 = 300;
const CONDVAR: u32 = 400;
const CHANNEL: u32 = 500;

/// Slots of the table that [`Instruction::Insert`] fills, and the messages of each task.
const TABLE: usize = 128;
const MESSAGES: usize = 4;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Instruction {
    Load(usize),
    Store(usize, u8),
    Add(usize),
    /// Compare-exchange from the first value to the second.
    Cas(usize, u8, u8),
    /// Loads one variable and stores one more than that into the next.
    Carry(usize),
    /// Looks from the last of so many variables for one that is zero.
    LastZero(usize),
    /// Puts the messages of this task into a hash table.
    Insert,
    /// Loads until the variable has this value, yielding in between.
    Await(usize, u8),
    /// As `Await`, but gives up after so many looks; without ever yielding, if the flag is false.
    Poll(usize, u8, u8, bool),
    Lock(usize),
    Unlock(usize),
    /// Tries the lock, and leaves out so many instructions if it is taken.
    TryLock(usize, usize),
    Read(usize),
    ReadUnlock(usize),
    Write(usize),
    WriteUnlock(usize),
    TryRead(usize, usize),
    TryWrite(usize, usize),
    /// Writes to data that the lock around it protects: no operation of its own.
    Note(usize),
    /// Picks one of so many values, and leaves out as many instructions: no operation of its own.
    Toss(u32),
    /// Waits on a condition variable with a mutex.
    Wait(usize, usize),
    /// The same, or until the time is over.
    TimedWait(usize, usize),
    NotifyOne(usize),
    NotifyAll(usize),
    Send(usize, u8),
    Receive(usize),
    TryReceive(usize),
}

/// Which notifications a waiting task has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Call {
    None,
    Maybe(Vec<u8>),
    Certain,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Task {
    begun: bool,
    next: usize,
    /// How far it is within an instruction of several steps.
    phase: usize,
    register: u8,
    count: u8,
    /// Whether it waits in a channel, and whether it was notified.
    waits: Option<bool>,
    seen: Vec<u8>,
}

/// The whole machine at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Machine {
    program: Vec<Vec<Instruction>>,
    tasks: Vec<Task>,
    memory: Vec<u8>,
    data: Vec<u8>,
    mutexes: [Option<usize>; 4],
    writers: [Option<usize>; 4],
    readers: [Vec<usize>; 4],
    waiting: [Vec<(usize, Call)>; 4],
    notified: u8,
    channels: [Vec<u8>; 4],
}

/// What an execution ended with: what each task saw, the first of the memory, the data, and who never ended.
pub(super) type Outcome = (Vec<Vec<u8>>, Vec<u8>, Vec<u8>, Vec<usize>);

impl Machine {
    pub(super) fn new(program: Vec<Vec<Instruction>>) -> Self {
        Machine {
            tasks: vec![Task::default(); program.len()],
            program,
            memory: vec![0; TABLE],
            data: vec![0; 4],
            mutexes: [None; 4],
            writers: [None; 4],
            readers: Default::default(),
            waiting: Default::default(),
            notified: 0,
            channels: Default::default(),
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        let seen = self.tasks.iter().map(|task| task.seen.clone()).collect();
        let blocked = (0..self.tasks.len()).filter(|task| self.instruction(*task).is_some()).collect();
        let memory = self.memory[..4].to_vec();
        (seen, memory, self.data.clone(), blocked)
    }

    fn instruction(&self, task: usize) -> Option<Instruction> {
        self.program[task].get(self.tasks[task].next).copied()
    }

    /// What a task that has begun does next; `None` if it has ended.
    fn operation(&self, task: usize) -> Option<Operation> {
        use Instruction as I;
        let phase = self.tasks[task].phase;
        let on = |base: ObjectId, object: usize, kind| Operation::on(base + object as u32, kind);
        Some(match self.instruction(task)? {
            I::Load(a) => on(0, a, Kind::Load),
            I::Store(a, _) => on(0, a, Kind::Store),
            I::Add(a) | I::Cas(a, ..) => on(0, a, Kind::Rmw),
            I::Carry(a) if phase == 0 => on(0, a, Kind::Load),
            I::Carry(a) => on(0, a + 1, Kind::Store),
            I::LastZero(n) => on(0, n - phase, Kind::Load),
            I::Insert => on(0, self.slot(task), Kind::Rmw),
            I::Await(a, _) | I::Poll(a, _, _, true) if phase == 0 => on(0, a, Kind::Load),
            I::Await(..) | I::Poll(_, _, _, true) => on(0, 0, Kind::Yield),
            I::Poll(a, ..) => on(0, a, Kind::Load),
            I::Lock(m) => on(MUTEX, m, Kind::Lock),
            I::Unlock(m) => on(MUTEX, m, Kind::Unlock),
            I::TryLock(m, _) => on(MUTEX, m, Kind::TryLock),
            I::Read(l) => on(RWLOCK, l, Kind::ReadLock),
            I::ReadUnlock(l) => on(RWLOCK, l, Kind::ReadUnlock),
            I::Write(l) if phase == 0 => on(RWLOCK, l, Kind::Arrive),
            I::Write(l) => on(RWLOCK, l, Kind::Lock),
            I::WriteUnlock(l) => on(RWLOCK, l, Kind::Unlock),
            I::TryRead(l, _) => on(RWLOCK, l, Kind::TryReadLock),
            I::TryWrite(l, _) => on(RWLOCK, l, Kind::TryLock),
            I::Note(_) | I::Toss(_) => unreachable!("passed over"),
            I::Wait(m, c) | I::TimedWait(m, c) if phase == 0 => {
                let also = Some((CONDVAR + c as u32, Kind::Wait));
                Operation { also, ..on(MUTEX, m, Kind::Unlock) }
            }
            I::Wait(_, c) if phase == 1 => on(CONDVAR, c, Kind::Wake),
            I::TimedWait(_, c) if phase == 1 => on(CONDVAR, c, Kind::TimedWake),
            I::Wait(m, _) | I::TimedWait(m, _) => on(MUTEX, m, Kind::Lock),
            I::NotifyOne(c) | I::NotifyAll(c) => on(CONDVAR, c, Kind::Notify),
            I::Send(c, _) | I::Receive(c) | I::TryReceive(c) => on(CHANNEL, c, Kind::Enter),
        })
    }

    fn slot(&self, task: usize) -> usize {
        let state = &self.tasks[task];
        let message = state.phase * 11 + task;
        (message * 7 + state.count as usize) % TABLE
    }

    fn can(&self, task: usize) -> bool {
        use Instruction as I;
        let state = &self.tasks[task];
        match self.instruction(task) {
            _ if !state.begun => true,
            None => false,
            Some(I::Lock(m)) => self.mutexes[m].is_none(),
            Some(I::Read(l)) => self.writers[l].is_none() && !self.has_arrived(l),
            Some(I::Write(_)) if state.phase == 0 => true,
            Some(I::Write(l)) => self.writers[l].is_none() && self.readers[l].is_empty(),
            Some(I::Wait(_, c)) if state.phase == 1 => {
                self.waiting[c].iter().any(|(who, call)| *who == task && *call != Call::None)
            }
            Some(I::Wait(m, _) | I::TimedWait(m, _)) if state.phase == 2 => self.mutexes[m].is_none(),
            Some(I::Receive(_)) => state.waits != Some(false),
            Some(_) => true,
        }
    }

    /// Whether a writer waits for the lock.
    fn has_arrived(&self, lock: usize) -> bool {
        let waits =
            |task| self.instruction(task) == Some(Instruction::Write(lock)) && self.tasks[task].phase == 1;
        (0..self.tasks.len()).any(waits)
    }

    /// The tasks that can run, and what they do then.
    pub(super) fn ready(&self) -> Vec<(usize, Option<Operation>)> {
        let can = (0..self.tasks.len()).filter(|task| self.can(*task));
        can.map(|task| (task, self.tasks[task].begun.then(|| self.operation(task)).flatten())).collect()
    }

    /// The tasks that have not ended, and what they still wait to do.
    pub(super) fn unfinished(&self) -> Vec<(usize, Operation)> {
        (0..self.tasks.len()).filter_map(|task| Some((task, self.operation(task)?))).collect()
    }

    /// Lets a task make its step, and `pick` values after it.
    pub(super) fn step(&mut self, task: usize, mut pick: impl FnMut(u32) -> u32) -> Effect {
        let effect =
            if std::mem::replace(&mut self.tasks[task].begun, true) { self.act(task) } else { Effect::Full };
        loop {
            match self.instruction(task) {
                Some(Instruction::Note(d)) => {
                    self.data[d] = self.data[d].wrapping_mul(5).wrapping_add(task as u8 + 1);
                    self.done(task);
                }
                Some(Instruction::Toss(options)) => {
                    let value = pick(options);
                    self.see(task, value as u8);
                    self.done(task);
                    self.tasks[task].next += value as usize;
                }
                _ => return effect,
            }
        }
    }

    fn done(&mut self, task: usize) {
        let state = &mut self.tasks[task];
        (state.phase, state.count, state.waits) = (0, 0, None);
        state.next += 1;
    }

    fn see(&mut self, task: usize, value: u8) {
        self.tasks[task].seen.push(value);
    }

    fn act(&mut self, task: usize) -> Effect {
        use Instruction as I;
        let instruction = self.instruction(task).expect("a task that can run has something to do");
        match instruction {
            I::Load(a) => self.see(task, self.memory[a]),
            I::Store(a, value) => self.memory[a] = value,
            I::Add(a) => {
                self.see(task, self.memory[a]);
                self.memory[a] += 1;
            }
            I::Cas(a, from, to) => {
                let found = self.memory[a];
                self.see(task, found);
                self.done(task);
                if found != from {
                    return Effect::Read;
                }
                self.memory[a] = to;
                return Effect::Full;
            }
            I::Carry(a) if self.tasks[task].phase == 0 => {
                self.tasks[task].register = self.memory[a];
                self.tasks[task].phase = 1;
                return Effect::Full;
            }
            I::Carry(a) => self.memory[a + 1] = self.tasks[task].register + 1,
            I::LastZero(n) => {
                if self.memory[n - self.tasks[task].phase] != 0 {
                    self.tasks[task].phase += 1;
                    return Effect::Full;
                }
                self.see(task, self.tasks[task].phase as u8);
            }
            I::Insert => return self.insert(task),
            I::Await(..) | I::Poll(..) => {
                self.look(task, instruction);
                return Effect::Full;
            }
            I::Lock(m) => self.mutexes[m] = Some(task),
            I::Unlock(m) => self.mutexes[m] = None,
            I::Read(l) => self.readers[l].push(task),
            I::ReadUnlock(l) => self.readers[l].retain(|reader| *reader != task),
            I::Write(_) if self.tasks[task].phase == 0 => {
                self.tasks[task].phase = 1;
                return Effect::Full;
            }
            I::Write(l) => self.writers[l] = Some(task),
            I::WriteUnlock(l) => self.writers[l] = None,
            I::TryLock(..) | I::TryRead(..) | I::TryWrite(..) => return self.attempt(task, instruction),
            I::Note(_) | I::Toss(_) => {}
            I::Wait(m, c) => return self.wait(task, m, c, false),
            I::TimedWait(m, c) => return self.wait(task, m, c, true),
            I::NotifyOne(c) => {
                self.notified += 1;
                let notified = self.notified;
                for (_, call) in &mut self.waiting[c] {
                    match call {
                        Call::None => *call = Call::Maybe(vec![notified]),
                        Call::Maybe(all) => all.push(notified),
                        Call::Certain => {}
                    }
                }
            }
            I::NotifyAll(c) => self.waiting[c].iter_mut().for_each(|(_, call)| *call = Call::Certain),
            I::Send(c, value) => {
                self.channels[c].push(value);
                for other in 0..self.tasks.len() {
                    let waits_here = self.instruction(other) == Some(I::Receive(c));
                    if let Some(notified) = self.tasks[other].waits.as_mut().filter(|_| waits_here) {
                        *notified = true;
                    }
                }
            }
            I::Receive(c) | I::TryReceive(c) => {
                let waits = matches!(instruction, I::Receive(_));
                if self.channels[c].is_empty() {
                    if waits {
                        self.tasks[task].waits = Some(false);
                        return Effect::Full;
                    }
                    self.see(task, 255);
                    self.done(task);
                    return Effect::Read;
                }
                let value = self.channels[c].remove(0);
                self.see(task, value);
            }
        }
        self.done(task);
        Effect::Full
    }

    fn insert(&mut self, task: usize) -> Effect {
        let slot = self.slot(task);
        if self.memory[slot] != 0 {
            self.tasks[task].count += 1;
            return Effect::Read;
        }
        self.memory[slot] = (self.tasks[task].phase * 11 + task + 1) as u8;
        self.tasks[task].count = 0;
        self.tasks[task].phase += 1;
        if self.tasks[task].phase == MESSAGES {
            self.done(task);
        }
        Effect::Full
    }

    fn look(&mut self, task: usize, instruction: Instruction) {
        let (variable, value, limit, yields) = match instruction {
            Instruction::Await(a, value) => (a, value, u8::MAX, true),
            Instruction::Poll(a, value, limit, yields) => (a, value, limit, yields),
            _ => unreachable!("not a look"),
        };
        if self.tasks[task].phase == 1 {
            self.tasks[task].phase = 0;
            return;
        }
        let found = self.memory[variable] == value;
        if limit < u8::MAX {
            self.tasks[task].count += 1;
        }
        if found || self.tasks[task].count == limit {
            self.see(task, u8::from(found));
            self.done(task);
        } else if yields {
            self.tasks[task].phase = 1;
        }
    }

    fn attempt(&mut self, task: usize, instruction: Instruction) -> Effect {
        use Instruction as I;
        let (got, skip) = match instruction {
            I::TryLock(m, skip) => (self.mutexes[m].is_none(), skip),
            I::TryRead(l, skip) => (self.writers[l].is_none(), skip),
            I::TryWrite(l, skip) => (self.writers[l].is_none() && self.readers[l].is_empty(), skip),
            _ => unreachable!("not an attempt"),
        };
        self.see(task, u8::from(got));
        self.done(task);
        match instruction {
            _ if !got => {
                self.tasks[task].next += skip;
                return Effect::Refused;
            }
            I::TryLock(m, _) => self.mutexes[m] = Some(task),
            I::TryRead(l, _) => self.readers[l].push(task),
            I::TryWrite(l, _) => self.writers[l] = Some(task),
            _ => unreachable!("not an attempt"),
        }
        Effect::Full
    }

    fn wait(&mut self, task: usize, mutex: usize, condvar: usize, timed: bool) -> Effect {
        match self.tasks[task].phase {
            0 => {
                self.mutexes[mutex] = None;
                self.waiting[condvar].push((task, Call::None));
                self.waiting[condvar].sort_by_key(|(who, _)| *who);
                self.tasks[task].phase = 1;
            }
            1 => {
                let place = self.waiting[condvar].iter().position(|(who, _)| *who == task);
                let (_, call) = self.waiting[condvar].remove(place.expect("it waits"));
                if timed {
                    self.see(task, u8::from(call == Call::None));
                }
                if let Call::Maybe(notifications) = &call {
                    let used = notifications[0];
                    for (_, call) in &mut self.waiting[condvar] {
                        let Call::Maybe(all) = call else { continue };
                        all.retain(|other| *other != used);
                        if all.is_empty() {
                            *call = Call::None;
                        }
                    }
                }
                self.tasks[task].phase = 2;
                if call == Call::None {
                    return Effect::TimedOut;
                }
            }
            _ => {
                self.mutexes[mutex] = Some(task);
                self.done(task);
            }
        }
        Effect::Full
    }
}
