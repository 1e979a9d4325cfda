//! What another strategy would have done with the decisions that a server really made.
