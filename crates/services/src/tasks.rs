//! Background tasks: they continue after a panic, and they end in order when the process ends.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

/// The pause after a panic. It doubles with each further panic in a row, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Work that a task does step by step. State that must survive a panic belongs in `self`.
pub trait Work: Send + 'static {
    /// The name of the work in the log.
    const NAME: &'static str;

    /// Waits for the next piece of work and does it.
    fn step(&mut self) -> impl Future<Output = Next> + Send;
}

/// What follows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another step.
    Step,
    /// No further step: the work is done.
    End,
}

/// The background tasks of a process. Clones share them.
///
/// If a step panics, the panic is logged, and the next step follows after a pause. Only the work of that step is lost.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<Vec<Task>>>);

struct Task {
    name: &'static str,
    ends: Ends,
    handle: JoinHandle<()>,
}

/// How a task ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// The task ends by itself after nobody can give it more work and all given work is done.
    Drained,
    /// The task can be aborted at any time without losing work.
    Stopped,
}

impl Tasks {
    /// Starts a task that ends by itself after nobody can give it more work and all given work is done. Call this within a Tokio
    /// runtime.
    pub fn start_until_drained(&self, work: impl Work) {
        self.start(work, Ends::Drained);
    }

    /// Starts a task that can be aborted at any time. Call this within a Tokio runtime.
    pub fn start_until_stopped(&self, work: impl Work) {
        self.start(work, Ends::Stopped);
    }

    fn start<W: Work>(&self, work: W, ends: Ends) {
        let task = Task { name: W::NAME, ends, handle: tokio::spawn(run(work)) };
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.handle.is_finished());
        tasks.push(task);
    }

    /// Ends all tasks. Tasks that can be aborted are aborted. All tasks are then awaited in the reverse order of their start,
    /// because a task gives work only to tasks that were started before it. If a task has not ended `within` this time, its name
    /// is logged and it is left behind.
    pub async fn shut_down(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks.iter().filter(|task| task.ends == Ends::Stopped) {
            task.handle.abort();
        }
        for task in tasks.into_iter().rev() {
            if timeout_at(deadline, task.handle).await.is_err() {
                tracing::warn!(task = task.name, "the process ends before this task has done its work");
            }
        }
    }
}

/// Does one step after another until the work ends.
async fn run<W: Work>(mut work: W) {
    let mut pause = FIRST_PAUSE;
    loop {
        match AssertUnwindSafe(work.step()).catch_unwind().await {
            Ok(Next::Step) => pause = FIRST_PAUSE,
            Ok(Next::End) => return,
            Err(panic) => {
                let panic = message(panic.as_ref());
                tracing::error!(
                    task = W::NAME,
                    panic,
                    "a background task failed; it goes on with its next step"
                );
                sleep(pause).await;
                pause = LONGEST_PAUSE.min(2 * pause);
            }
        }
    }
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// Adds the numbers that it receives, and panics at each 13.
    struct Sum {
        numbers: mpsc::UnboundedReceiver<u32>,
        total: u32,
        told: mpsc::UnboundedSender<u32>,
    }

    impl Work for Sum {
        const NAME: &'static str = "sum";

        async fn step(&mut self) -> Next {
            let Some(number) = self.numbers.recv().await else {
                self.told.send(self.total).unwrap();
                return Next::End;
            };
            assert_ne!(number, 13);
            self.total += number;
            Next::Step
        }
    }

    fn sum() -> (Sum, mpsc::UnboundedSender<u32>, mpsc::UnboundedReceiver<u32>) {
        let (give, numbers) = mpsc::unbounded_channel();
        let (told, total) = mpsc::unbounded_channel();
        (Sum { numbers, total: 0, told }, give, total)
    }

    /// Work whose step never ends.
    struct Endless;

    impl Work for Endless {
        const NAME: &'static str = "endless";

        async fn step(&mut self) -> Next {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_panic_a_task_goes_on_with_what_it_had() {
        let (sum, give, mut total) = sum();
        let tasks = Tasks::default();
        tasks.start_until_drained(sum);
        for number in [1, 13, 2, 13, 13, 4] {
            give.send(number).unwrap();
        }
        drop(give);
        tasks.shut_down(Duration::from_mins(1)).await;
        assert_eq!(total.try_recv(), Ok(7));
    }

    /// A task that panics again and again waits longer each time, up to the longest pause.
    #[tokio::test(start_paused = true)]
    async fn the_pause_after_a_panic_grows_and_starts_again_after_a_good_step() {
        let (sum, give, mut total) = sum();
        let begin = Instant::now();
        let numbers = std::iter::repeat_n(13, 10).chain([1]).chain(std::iter::repeat_n(13, 2));
        numbers.for_each(|number| give.send(number).unwrap());
        drop(give);
        run(sum).await;
        let pauses = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000, 100, 200];
        assert_eq!(begin.elapsed(), Duration::from_millis(pauses.into_iter().sum()));
        assert_eq!(total.try_recv(), Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_can_be_stopped_is_and_whoever_has_work_left_is_waited_for_and_no_longer_than_that() {
        let tasks = Tasks::default();
        let (sum, give, mut total) = sum();
        tasks.start_until_drained(sum);
        tasks.start_until_stopped(Endless);
        give.send(13).unwrap();
        give.send(5).unwrap();
        drop(give);
        let begin = Instant::now();
        tasks.shut_down(Duration::from_secs(2)).await;
        assert_eq!((begin.elapsed(), total.try_recv()), (FIRST_PAUSE, Ok(5)));

        tasks.start_until_drained(Endless);
        tasks.shut_down(Duration::from_secs(2)).await;
        assert_eq!(begin.elapsed(), FIRST_PAUSE + Duration::from_secs(2));
    }
}
