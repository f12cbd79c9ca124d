"""Terminal programs that bring an SO101 arm to life: ./xdog arm."""
