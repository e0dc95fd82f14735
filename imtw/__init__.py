"""
imtw: one instant-messaging server for the clients of several systems.
"""
