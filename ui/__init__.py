"""The chat page: asking, seeing, and opening the source at the place, in a browser on this machine.

Knows the facade ``assistant.Assistant`` and shows what it gives. Each tab is a module of its own (``chat_tab``,
``search_tab``, ``library_tab``, ``settings_tab``) with a ``build``; ``app`` puts them together, ``server`` serves them.
What is shown is made by pure functions (``render`` and its neighbours) that let no text of a file become markup.
"""
