//! What is known of tasks beside their numbers: labels, names and tags.
//!
//! Values by their type, for each task of the running execution. A thread or task that is started by
//! [`thread::spawn`](super::thread::spawn) or [`future::spawn`](super::future::spawn) begins with those of its parent.
//!
//! Limit: one that is started by a builder or in a scope begins without.

use super::current::{TaskId, get_current_task};
use crate::sync::LazyLock;
use rustc_hash::FxHashMap;
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Values by their type.
#[derive(Default)]
pub struct Labels(FxHashMap<TypeId, Box<dyn Label>>);

trait Label: Any {
    fn copy(&self) -> Box<dyn Label>;
    fn any(&self) -> &dyn Any;
    fn any_mut(&mut self) -> &mut dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Any + Clone> Label for T {
    fn copy(&self) -> Box<dyn Label> {
        Box::new(self.clone())
    }

    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Labels {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Labels::default()
    }

    /// Puts a value in the place of that of its type, which is returned.
    pub fn insert<T: Clone + 'static>(&mut self, value: T) -> Option<T> {
        owned(self.0.insert(TypeId::of::<T>(), Box::new(value))?)
    }

    /// The value of a type.
    #[must_use]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        (**self.0.get(&TypeId::of::<T>())?).any().downcast_ref()
    }

    /// The value of a type.
    pub fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        (**self.0.get_mut(&TypeId::of::<T>())?).any_mut().downcast_mut()
    }

    /// Takes the value of a type out.
    pub fn remove<T: 'static>(&mut self) -> Option<T> {
        owned(self.0.remove(&TypeId::of::<T>())?)
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn owned<T: 'static>(label: Box<dyn Label>) -> Option<T> {
    label.into_any().downcast().ok().map(|value| *value)
}

impl Clone for Labels {
    fn clone(&self) -> Self {
        Labels(self.0.iter().map(|(&kind, label)| (kind, (**label).copy())).collect())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labels").finish_non_exhaustive()
    }
}

/// A label: what a task is called.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskName(String);

impl From<String> for TaskName {
    fn from(name: String) -> Self {
        TaskName(name)
    }
}

impl From<&str> for TaskName {
    fn from(name: &str) -> Self {
        TaskName(name.to_owned())
    }
}

impl From<TaskName> for String {
    fn from(name: TaskName) -> Self {
        name.0
    }
}

impl<'a> From<&'a TaskName> for &'a String {
    fn from(name: &'a TaskName) -> Self {
        &name.0
    }
}

impl fmt::Debug for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A label: changes the labels that the children of a task begin with.
#[derive(Clone)]
#[expect(clippy::type_complexity, reason = "shuttle's type")]
pub struct ChildLabelFn(pub Arc<dyn Fn(TaskId, &mut Labels) + 'static>);

impl fmt::Debug for ChildLabelFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChildLabelFn")
    }
}

/// Something that a task is tagged with: of a type that is [`Taggable`].
pub trait Tag: Taggable {
    /// For a downcast.
    fn as_any(&self) -> &dyn Any;
}

/// A type of tags.
pub trait Taggable: fmt::Debug {}

impl<T: Taggable + Any> Tag for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A task's tag is one of its labels.
#[derive(Clone)]
struct Tagged(Arc<dyn Tag>);

/// Another number in every execution.
static EXECUTION: LazyLock<u64> = LazyLock::new(|| NEXT.fetch_add(1, Ordering::Relaxed));
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// A checker's tasks all run on one thread of the operating system.
    static LABELS: RefCell<(u64, FxHashMap<TaskId, Labels>)> = RefCell::default();
}

/// Does something with a task's labels.
pub fn with_labels_for_task<F: FnOnce(&mut Labels) -> T, T>(task: TaskId, f: F) -> T {
    let execution = *EXECUTION;
    let mut labels = LABELS.with_borrow_mut(|(of, all)| {
        let earlier = std::mem::replace(of, execution);
        if earlier != execution { Labels::new() } else { all.remove(&task).unwrap_or_default() }
    });
    let result = f(&mut labels);
    // What an earlier execution has left is dropped outside.
    let _before = LABELS.with_borrow_mut(|(_, all)| all.insert(task, labels));
    result
}

/// The label of a type.
#[must_use]
pub fn get_label_for_task<T: Clone + fmt::Debug + 'static>(task: TaskId) -> Option<T> {
    with_labels_for_task(task, |labels| labels.get().cloned())
}

/// Puts a label in the place of that of its type, which is returned.
pub fn set_label_for_task<T: Clone + fmt::Debug + 'static>(task: TaskId, value: T) -> Option<T> {
    with_labels_for_task(task, |labels| labels.insert(value))
}

/// Takes the label of a type out.
pub fn remove_label_for_task<T: Clone + fmt::Debug + 'static>(task: TaskId) -> Option<T> {
    with_labels_for_task(task, Labels::remove)
}

/// What a task is called.
#[must_use]
pub fn get_name_for_task(task: TaskId) -> Option<TaskName> {
    get_label_for_task(task)
}

/// Calls a task by a name; what it was called before is returned.
pub fn set_name_for_task(task: TaskId, name: impl Into<TaskName>) -> Option<TaskName> {
    set_label_for_task(task, name.into())
}

/// The running task's tag.
#[must_use]
pub fn get_tag_for_current_task() -> Option<Arc<dyn Tag>> {
    get_tag_for_task(super::current::me())
}

/// Tags the running task; what it was tagged with before is returned.
pub fn set_tag_for_current_task(tag: Arc<dyn Tag>) -> Option<Arc<dyn Tag>> {
    set_tag_for_task(super::current::me(), tag)
}

/// A task's tag.
#[must_use]
pub fn get_tag_for_task(task: TaskId) -> Option<Arc<dyn Tag>> {
    with_labels_for_task(task, |labels| labels.get().map(|Tagged(tag)| Arc::clone(tag)))
}

/// Tags a task; what it was tagged with before is returned.
pub fn set_tag_for_task(task: TaskId, tag: Arc<dyn Tag>) -> Option<Arc<dyn Tag>> {
    with_labels_for_task(task, |labels| labels.insert(Tagged(tag)).map(|Tagged(tag)| tag))
}

/// What a task that the running one starts begins with.
pub(super) struct Inherited(Option<Labels>);

// SAFETY: labels are only kept under a checker, whose tasks all run on one thread of the operating system.
unsafe impl Send for Inherited {}

impl Inherited {
    /// From the running task, if it has any.
    pub(super) fn here() -> Self {
        let used = LABELS.with_borrow(|(_, all)| !all.is_empty());
        let parent = get_current_task().filter(|_| used);
        Inherited(parent.map(|parent| with_labels_for_task(parent, |labels| labels.clone())))
    }

    /// The child has begun.
    pub(super) fn begin(self) {
        let (Some(mut labels), Some(child)) = (self.0, get_current_task()) else { return };
        if let Some(ChildLabelFn(change)) = labels.get().cloned() {
            change(child, &mut labels);
        }
        with_labels_for_task(child, |own| *own = labels);
    }
}
