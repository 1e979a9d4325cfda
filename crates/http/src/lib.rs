//! The HTTP interface of GameTriggers: routes, wire types, errors, OpenAPI, the overlay page
