"""What every capability shares inside Orthanc: settings, state file, HTTP clients, sync, threads.

Standard library only, and never a call of Orthanc's SDK from one of the threads: such a call holds the interpreter's lock, and
crashes a server that is stopping.
"""
