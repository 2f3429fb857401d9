//! Training: dataset, loss, schedule, checkpoint, the loop.
