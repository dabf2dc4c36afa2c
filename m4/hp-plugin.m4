dnl HP_PLUGIN([name],[default]): --enable-plugin-NAME=shared|static|no
dnl Sets the conditionals PLUGIN_NAME_SHARED and PLUGIN_NAME_STATIC; static ones are listed
dnl in plugins/static.h, which core/plugin includes.
AC_DEFUN([HP_PLUGINS_BEGIN],[HP_PLUGINS_SHARED=; HP_PLUGINS_STATIC=; HP_PLUGINS_OFF=; hp_static_list=])
AC_DEFUN([HP_PLUGIN],[
AC_ARG_ENABLE([plugin-$1],[AS_HELP_STRING([--enable-plugin-$1=HOW],[shared, static or no (default $2)])],[hp_how=$enableval],[hp_how=$2])
AS_CASE([$hp_how],
 [yes|shared],[hp_how=shared; HP_PLUGINS_SHARED="$HP_PLUGINS_SHARED $1"],
 [static],[HP_PLUGINS_STATIC="$HP_PLUGINS_STATIC $1"; hp_static_list="$hp_static_list HP_STATIC_PLUGIN($1)"],
 [no],[HP_PLUGINS_OFF="$HP_PLUGINS_OFF $1"],
 [AC_MSG_ERROR([--enable-plugin-$1=$hp_how: expected shared, static or no])])
AM_CONDITIONAL([PLUGIN_]m4_toupper([$1])[_SHARED],[test $hp_how = shared])
AM_CONDITIONAL([PLUGIN_]m4_toupper([$1])[_STATIC],[test $hp_how = static])
])
AC_DEFUN([HP_PLUGINS_END],[
AC_DEFINE_UNQUOTED([HP_STATIC_PLUGINS],[$hp_static_list],[one HP_STATIC_PLUGIN(name) for each plugin built in])
AC_SUBST([HP_PLUGINS_SHARED])
])
