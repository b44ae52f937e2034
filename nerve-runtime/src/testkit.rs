//! Running a workspace's workflows and senses in-process, offline.
