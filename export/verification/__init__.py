"""What must hold of a graph and of a bundle; all faults are gathered.

Public: `against_torch`, `bundle`, `checks`, `decoders`, `graphs`, `inputs`.
"""
