"""
The dialect of easyim's clients.
"""
