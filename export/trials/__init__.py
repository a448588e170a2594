"""Commands that try many models: a list of them exported, sentences that they read.

Public: nothing, nobody imports a command.
"""
