"""What goes into a graph and comes out of it, and how torch traces one.

Public: `decoder`, `encoder`, `families`, `graph_file`, `longest`, `map_layers`,
`names`, `spec`, `tasks`, `tracing`.
"""
